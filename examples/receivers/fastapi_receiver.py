"""Receives webhooks with FastAPI: verifies, and handles each event once."""

import json
import os

import uvicorn
from fastapi import FastAPI, Request, Response
from standardwebhooks import Webhook, WebhookVerificationError

app = FastAPI()
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
handled: set[str] = set()  # use a table of your database: a set forgets at every restart


@app.post("/hook")
async def receive(request: Request) -> Response:
    """Answer 2xx within 5 seconds; what takes longer belongs into a queue of yours."""
    body = await request.body()
    try:
        webhook.verify(body, dict(request.headers))
    except WebhookVerificationError:
        return Response(status_code=401)
    event = json.loads(body)
    if event["eventId"] not in handled:
        print(event["event"], event["eventId"], flush=True)
        handled.add(event["eventId"])
    return Response(status_code=204)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8480")), log_level="error")
