"""Tells a chat of every mail that comes in."""

import os
import sqlite3
from typing import Any

from aiohttp import ClientSession
from subscription import serve

CHAT_URL = os.environ["CHAT_URL"]
PREVIEW = 300


async def notify(event: dict[str, Any]) -> None:
    """Post who wrote what to the chat; an error lets the event come again."""
    mail = event["payload"]
    sender = f"{mail.get('fromName', '')} <{mail['from']}>".strip()
    preview = mail["text"][:PREVIEW] + ("…" if len(mail["text"]) > PREVIEW else "")
    files = ", ".join(each["name"] for each in mail["attachments"])
    lines = [f"*{mail['subject'] or '(no subject)'}* from {sender} to {mail['to'][0]}", preview]
    if files:
        lines.append(f"Attached: {files}")
    async with (
        ClientSession() as session,
        session.post(CHAT_URL, json={"text": "\n".join(lines)}) as answer,
    ):
        answer.raise_for_status()


if __name__ == "__main__":
    serve(notify, ["message.received"], sqlite3.connect("email_notifier.db"))
