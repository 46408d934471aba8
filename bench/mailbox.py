"""An inbox with many messages, for seeing whether a page of it costs more than of one with few."""

import sqlite3
import time
from pathlib import Path

from bench.prebuilt import prebuilt
from bench.server import Server
from bench.workshop import Workshop

MANY = 100_000
FEW = 100
ADDRESS = "support@localhost.test"


def open_mailbox(workshop: Workshop, name: str, messages: int) -> None:
    """Give the server of this name an inbox with so many messages."""
    database = prebuilt(
        f"mailbox-{messages}",
        Path(__file__),
        _prepare,
        lambda connection: _fill(connection, messages),
    )
    workshop.copy(database, name)


def _prepare(server: Server) -> None:
    server.call("POST", "/v1/inboxes", {"name": "Support", "email": ADDRESS})


def _fill(connection: sqlite3.Connection, messages: int) -> None:
    """Add the messages, each in a thread of its own and with the same raw mail."""
    text = "Please have a look at the attached figures. " * 20
    raw = text.encode()
    values = {"count": messages, "now": int(time.time() * 1000), "text": text, "raw": raw}
    for statement in _STATEMENTS:
        connection.execute(statement, values)


_NUMBERS = (
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
)
_CONTENT = (
    "json_object('from_address', 'ann@sender.example', 'to', json_array(:to),"
    " 'subject', printf('Figures of week %d', n), 'text', :text, 'full_text', :text,"
    " 'headers', json_object('Message-ID', printf('<%d@sender.example>', n)), 'date', :now)"
).replace(":to", f"'{ADDRESS}'")

_STATEMENTS = (
    "INSERT INTO blobs (seq, hash, size) VALUES (1, zeroblob(32), length(:raw))",
    "INSERT INTO blob_chunks (blob_seq, number, data) VALUES (1, 0, :raw)",
    (
        f"{_NUMBERS} INSERT INTO threads (seq, id, inbox_seq, subject, created_at, updated_at)"
        " SELECT n, printf('thread_%026d', n), 1, printf('Figures of week %d', n), :now, :now"
        " FROM numbers"
    ),
    (
        f"{_NUMBERS} INSERT INTO messages (id, inbox_seq, thread_seq, blob_seq, direction, status,"
        " external_message_id, content_size, created_at, updated_at, content)"
        " SELECT printf('msg_%026d', n), 1, n, 1, 'inbound', 'received',"
        f" printf('%d@sender.example', n), 2 * length(:text), :now, :now, {_CONTENT} FROM numbers"
    ),
)
