"""Messages at rest: a few columns to find them by, and one JSON document of their content."""

from dataclasses import asdict
from typing import Any

import orjson

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import AttachmentInfo, Direction, Message, MessageContent
from sendook_lite.store.page import PAGE_BYTES, Page, seq_before, within
from sendook_lite.store.reader import Reader
from sendook_lite.store.writer import Row, Tx

_SELECT = (
    "SELECT messages.seq, messages.id, inboxes.id, threads.id, messages.direction,"
    " messages.status, messages.external_message_id, messages.created_at, messages.updated_at,"
    " messages.content FROM messages"
    " JOIN inboxes ON inboxes.seq = messages.inbox_seq AND inboxes.deleted_at IS NULL"
    " JOIN threads ON threads.seq = messages.thread_seq"
)


def _pack(content: MessageContent) -> bytes:
    """Render a content, leaving out what is not set."""
    return orjson.dumps({name: value for name, value in asdict(content).items() if value})


def _unpack(document: str) -> MessageContent:
    fields: dict[str, Any] = orjson.loads(document)
    for name in ("to", "cc", "bcc", "labels", "recipients"):
        fields[name] = tuple(fields.get(name, ()))
    fields["attachments"] = tuple(AttachmentInfo(**each) for each in fields.get("attachments", ()))
    fields.setdefault("from_address", "")
    return MessageContent(**fields)


def _message(row: Row) -> Message:
    *columns, document = row
    return Message(*(*columns, _unpack(document)))


def insert(
    tx: Tx,
    *,
    inbox: tuple[int, str],
    thread: tuple[int, str],
    blob_seq: int,
    direction: Direction,
    status: str,
    external_message_id: str | None,
    content: MessageContent,
) -> Message:
    """Add a message; inbox and thread are (seq, id)."""
    identifier = tx.ids.new("msg")
    document = _pack(content)
    seq = tx.insert(
        "INSERT INTO messages (id, inbox_seq, thread_seq, blob_seq, direction, status,"
        " external_message_id, content_size, created_at, updated_at, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            identifier,
            inbox[0],
            thread[0],
            blob_seq,
            direction,
            status,
            external_message_id,
            len(document),
            tx.now,
            tx.now,
            document.decode(),
        ),
    )
    return Message(
        seq, identifier, inbox[1], thread[1], direction, status, external_message_id,
        tx.now, tx.now, content,
    )  # fmt: skip


def find_duplicate(tx: Tx, inbox_seq: int, blob_hash: bytes, since: int) -> str | None:
    """Return the id of a message with the same bytes in the same inbox since a moment."""
    row = tx.one(
        "SELECT messages.id FROM blobs JOIN messages ON messages.blob_seq = blobs.seq"
        " WHERE blobs.hash = ? AND messages.inbox_seq = ? AND messages.created_at >= ?"
        " AND messages.direction = 'inbound' ORDER BY messages.seq LIMIT 1",
        (blob_hash, inbox_seq, since),
    )
    return row[0] if row else None


def find_in(tx: Tx, identifier: str) -> Message | None:
    """Return a message by its id, inside a transaction."""
    row = tx.one(f"{_SELECT} WHERE messages.id = ?", (identifier,))
    return _message(row) if row else None


def find_by_external_id(tx: Tx, external_message_id: str) -> Message | None:
    """Return the newest message with this Message-ID, one that we sent before one we received."""
    row = tx.one(
        f"{_SELECT} WHERE messages.external_message_id = ?"
        " ORDER BY messages.direction = 'outbound' DESC, messages.seq DESC LIMIT 1",
        (external_message_id,),
    )
    return _message(row) if row else None


def set_status(tx: Tx, message: Message, status: str) -> Message:
    """Change the status of a message."""
    tx.execute(
        "UPDATE messages SET status = ?, updated_at = ? WHERE seq = ?",
        (status, tx.now, message.seq),
    )
    return Message(
        message.seq, message.id, message.inbox_id, message.thread_id, message.direction, status,
        message.external_message_id, message.created_at, tx.now, message.content,
    )  # fmt: skip


def remove_of_inbox(tx: Tx, inbox_seq: int, limit: int, max_bytes: int) -> list[int]:
    """Remove some messages of a deleted inbox, but not many bytes; returns the blobs they had."""
    rows = tx.all(
        "SELECT seq, content_size, blob_seq FROM messages WHERE inbox_seq = ? ORDER BY seq LIMIT ?",
        (inbox_seq, limit),
    )
    fitting = within([(seq, size) for seq, size, _ in rows], max_bytes)
    tx.execute_many("DELETE FROM messages WHERE seq = ?", [(seq,) for seq in fitting])
    return [blob_seq for _, _, blob_seq in rows[: len(fitting)]]


async def list_page(
    reader: Reader, inbox_seq: int, limit: int, before: str | None
) -> Page[Message]:
    """Return messages of an inbox, newest first."""
    rows = await reader.all(
        "SELECT seq, content_size FROM messages WHERE inbox_seq = :inbox"
        f" AND {seq_before('messages', before)} ORDER BY seq DESC LIMIT :limit",
        {"inbox": inbox_seq, "before": before, "limit": limit + 1},
    )
    fitting = within(rows[:limit], PAGE_BYTES)
    if not fitting:
        return Page([])
    found = await reader.all(
        f"{_SELECT} WHERE messages.inbox_seq = ? AND messages.seq BETWEEN ? AND ?"
        " ORDER BY messages.seq DESC",
        (inbox_seq, fitting[-1], fitting[0]),
    )
    return Page([_message(row) for row in found], more=len(rows) > len(fitting))


async def list_of_thread(reader: Reader, thread_seq: int) -> list[Message]:
    """Return the messages of a thread, oldest first."""
    rows = await reader.all(
        f"{_SELECT} WHERE messages.thread_seq = ? ORDER BY messages.seq", (thread_seq,)
    )
    return [_message(row) for row in rows]


async def get(reader: Reader, inbox_id: str, identifier: str) -> Message:
    """Return a message of an inbox; NotFound when it has none such."""
    row = await reader.one(
        f"{_SELECT} WHERE messages.id = ? AND inboxes.id = ?", (identifier, inbox_id)
    )
    if row is None:
        raise NotFound("message")
    return _message(row)


async def blob_of(reader: Reader, message: Message) -> int:
    """Return which content holds the raw mail of a message."""
    row = await reader.one("SELECT blob_seq FROM messages WHERE seq = ?", (message.seq,))
    if row is None:
        raise NotFound("message")
    return int(row[0])
