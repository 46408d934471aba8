"""Receives webhooks with aiohttp: verifies, and handles each event once."""

import json
import os

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
handled: set[str] = set()  # use a table of your database: a set forgets at every restart


async def receive(request: web.Request) -> web.Response:
    """Answer 2xx within 5 seconds; what takes longer belongs into a queue of yours."""
    body = await request.read()
    try:
        webhook.verify(body, dict(request.headers))
    except WebhookVerificationError:
        return web.Response(status=401)
    event = json.loads(body)
    if event["eventId"] not in handled:
        print(event["event"], event["eventId"], flush=True)
        handled.add(event["eventId"])
    return web.Response(status=204)


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/hook", receive)
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8480")), print=None)
