"""Receives webhooks with Flask: verifies, and handles each event once."""

import os

from flask import Flask, request
from standardwebhooks import Webhook, WebhookVerificationError

app = Flask(__name__)
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
handled: set[str] = set()  # use a table of your database: a set forgets at every restart


@app.post("/hook")
def receive() -> tuple[str, int]:
    """Answer 2xx within 5 seconds; what takes longer belongs into a queue of yours."""
    try:
        webhook.verify(request.get_data(), dict(request.headers))
    except WebhookVerificationError:
        return "", 401
    event = request.get_json()
    if event["eventId"] not in handled:
        print(event["event"], event["eventId"], flush=True)
        handled.add(event["eventId"])
    return "", 204


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8480")))
