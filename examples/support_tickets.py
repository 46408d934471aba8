"""Makes a ticket of each conversation: the first mail opens it, later ones are added to it."""

import sqlite3
from html import escape
from typing import Any

from aiohttp import web
from subscription import call, serve

database = sqlite3.connect("support_tickets.db")
database.executescript("""
    CREATE TABLE IF NOT EXISTS tickets (
      number INTEGER PRIMARY KEY, thread TEXT UNIQUE, customer TEXT, subject TEXT, opened TEXT
    );
    CREATE TABLE IF NOT EXISTS notes (ticket INTEGER, message TEXT UNIQUE, sender TEXT, text TEXT);
""")


async def take(event: dict[str, Any]) -> None:
    """Add a mail to the ticket of its thread; a new ticket is acknowledged and labelled."""
    mail = event["payload"]
    opened = database.execute(
        "INSERT OR IGNORE INTO tickets (thread, customer, subject, opened) VALUES (?, ?, ?, ?)",
        (mail["threadId"], mail["from"], mail["subject"], event["createdAt"]),
    ).rowcount
    (number,) = database.execute(
        "SELECT number FROM tickets WHERE thread = ?", (mail["threadId"],)
    ).fetchone()
    database.execute(
        "INSERT INTO notes VALUES (?, ?, ?, ?)", (number, mail["id"], mail["from"], mail["text"])
    )
    message = f"/v1/inboxes/{mail['inboxId']}/messages/{mail['id']}"
    await call("PATCH", message, {"labels": [*mail["labels"], f"ticket-{number}"]})
    if opened and not mail.get("autoSubmitted"):
        text = f"We have opened ticket {number} for you. Answer this mail to add to it."
        await call("POST", f"{message}/reply", {"text": text}, once=event["eventId"])


async def page(_request: web.Request) -> web.Response:
    """List the tickets, newest first."""
    rows = database.execute(
        "SELECT number, customer, subject, opened, (SELECT count(*) FROM notes"
        " WHERE ticket = number) FROM tickets ORDER BY number DESC LIMIT 100"
    )
    items = "".join(
        f"<li value={number}>{escape(subject)} ({escape(customer)}, {notes} mails, {opened})"
        for number, customer, subject, opened, notes in rows
    )
    document = f"<!doctype html><title>Tickets</title><ol reversed>{items}</ol>"
    return web.Response(text=document, content_type="text/html")


if __name__ == "__main__":
    serve(take, ["message.received"], database, web.get("/", page))
