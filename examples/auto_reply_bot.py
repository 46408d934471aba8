"""Answers mail, once per person and day, and never a machine."""

import os
import sqlite3
from typing import Any

from subscription import call, serve

TEXT = os.environ.get("REPLY", "Thank you for your mail. A person will answer it soon.")

database = sqlite3.connect("auto_reply_bot.db")
database.execute(
    "CREATE TABLE IF NOT EXISTS answered (inbox TEXT, sender TEXT, day TEXT,"
    " PRIMARY KEY (inbox, sender, day))"
)


def is_from_a_machine(mail: dict[str, Any]) -> bool:
    """Say whether an answer could start a loop or disturb a list (RFC 3834, section 2).

    ``autoSubmitted`` covers Auto-Submitted, the null sender, and Precedence: bulk and its kind.
    """
    headers = {name.lower() for name in mail["headers"]}
    sender = mail["from"].lower()
    return (
        mail.get("autoSubmitted", False)
        or bool(headers & {"list-id", "list-unsubscribe", "list-post"})
        or mail["headers"].get("Precedence", "").lower() == "list"
        or sender.startswith(("mailer-daemon@", "postmaster@", "noreply@", "no-reply@"))
        or not sender
    )


async def answer(event: dict[str, Any]) -> None:
    """Reply unless that would be the second answer today."""
    mail = event["payload"]
    if is_from_a_machine(mail):
        return
    first_today = database.execute(
        "INSERT OR IGNORE INTO answered VALUES (?, ?, ?)",
        (mail["inboxId"], mail["from"].lower(), event["createdAt"][:10]),
    ).rowcount
    if first_today:
        message = f"/v1/inboxes/{mail['inboxId']}/messages/{mail['id']}"
        await call("POST", f"{message}/reply", {"text": TEXT}, once=event["eventId"])


if __name__ == "__main__":
    serve(answer, ["message.received"], database)
