"""Messages at rest: a few columns to find them by, and one JSON document of their content."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import orjson

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import AttachmentInfo, Direction, Message, MessageContent, Thread
from sendook_lite.store.page import PAGE_BYTES, Page, seq_after, seq_before, within
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

CLOCK_STEP_MS: Final = 10_000
"""By so much the clock may have been set back without a list by time missing a message."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when, both ends included, in ms since the epoch; None: without end."""

    since: int | None = None
    until: int | None = None


ALWAYS: Final = Period()

_RECIPIENTS = (
    "CASE messages.direction WHEN 'outbound' THEN (SELECT json_group_array(json_object("
    "'address', submissions.recipient, 'status', submissions.status,"
    " 'detail', submissions.detail)) FROM submissions"
    " WHERE submissions.message_seq = messages.seq) END"
)
_SELECT = (
    "SELECT messages.seq, messages.id, inboxes.id, threads.id, messages.direction,"
    " messages.status, messages.external_message_id, messages.created_at, messages.updated_at,"
    f" {_RECIPIENTS}, messages.content FROM messages"
    " JOIN inboxes ON inboxes.seq = messages.inbox_seq AND inboxes.deleted_at IS NULL"
    " JOIN threads AS placed ON placed.seq = messages.thread_seq"
    " JOIN threads ON threads.seq = coalesce(placed.merged_into, placed.seq)"
)


def _pack(content: MessageContent) -> bytes:
    """Render a content, leaving out what is not set, and the recipients, which have their rows."""
    # Not asdict: it copies every value deeply, which takes longer than all statements of a mail.
    present = {name: value for name in _STORED if (value := getattr(content, name))}
    return orjson.dumps(present)


_STORED = tuple(each.name for each in fields(MessageContent) if each.name != "recipients")


def unpack(document: str, recipients: str | None = None) -> MessageContent:
    """Read a content as it is stored, and its recipients as their rows are read."""
    found: dict[str, Any] = orjson.loads(document)
    for name in ("to", "cc", "bcc", "labels"):
        found[name] = tuple(found.get(name, ()))
    found["recipients"] = tuple(
        {name: value for name, value in each.items() if value is not None}
        for each in orjson.loads(recipients or "[]")
    )
    found["attachments"] = tuple(AttachmentInfo(**each) for each in found.get("attachments", ()))
    found.setdefault("from_address", "")
    return MessageContent(**found)


def _message(row: Row) -> Message:
    *columns, recipients, document = row
    return Message(*(*columns, unpack(document, recipients)))


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
    identifier: str | None = None,
) -> Message:
    """Add a message; inbox and thread are (seq, id), the id is minted unless it is given."""
    identifier = identifier or tx.ids.new("msg")
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


def find_duplicate(tx: Tx, inbox_seq: int, blob_seq: int, since: int) -> str | None:
    """Return the id of a message with the same bytes in the same inbox since a moment."""
    row = tx.one(
        "SELECT id FROM messages WHERE blob_seq = ? AND inbox_seq = ? AND created_at >= ?"
        " AND direction = 'inbound' ORDER BY seq LIMIT 1",
        (blob_seq, inbox_seq, since),
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


def get_in(tx: Tx, inbox_id: str, identifier: str) -> Message:
    """Return a message of an inbox, inside a transaction; NotFound when it has none such."""
    message = find_in(tx, identifier)
    if message is None or message.inbox_id != inbox_id:
        raise NotFound("message")
    return message


def set_labels(tx: Tx, message: Message, labels: tuple[str, ...]) -> Message:
    """Replace the labels of a message."""
    content = replace(message.content, labels=labels)
    document = _pack(content)
    tx.execute(
        "UPDATE messages SET content = ?, content_size = ?, updated_at = ? WHERE seq = ?",
        (document.decode(), len(document), tx.now, message.seq),
    )
    return replace(message, content=content, updated_at=tx.now)


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


async def list_page(
    reader: Reader, inbox_seq: int, limit: int, before: str | None, period: Period = ALWAYS
) -> Page[Message]:
    """Return messages of an inbox, newest first."""
    where = f"{seq_before('messages', before)} AND {await stretch(reader, period)}"
    rows = await reader.all(
        "SELECT seq, content_size FROM messages WHERE inbox_seq = :inbox"
        f" AND {where} ORDER BY seq DESC LIMIT :limit",
        {
            "inbox": inbox_seq,
            "before": before,
            "since": period.since,
            "until": period.until,
            "limit": limit + 1,
        },
    )
    found = await read(reader, inbox_seq, within(rows[:limit], PAGE_BYTES))
    return Page(found, more=len(rows) > len(found))


async def page_of_thread(
    reader: Reader, thread: Thread, limit: int, after: str | None = None
) -> Page[Message]:
    """Return messages of a thread, oldest first, behind one of them."""
    rows = await reader.all(
        "SELECT seq, content_size, inbox_seq FROM messages"
        f" WHERE thread_seq = :thread AND {seq_after('messages', after)}"
        " ORDER BY seq LIMIT :limit",
        {"thread": thread.seq, "after": after, "limit": limit + 1},
    )
    fitting = within([(seq, size) for seq, size, _ in rows[:limit]], PAGE_BYTES)
    found = await read(reader, rows[0][2], fitting) if rows else []
    return Page(found[::-1], more=len(rows) > len(fitting))


async def newest_of_thread(reader: Reader, thread: Thread) -> Message | None:
    """Return the newest message of a thread; None when it has none any more."""
    row = await reader.one(
        f"{_SELECT} WHERE messages.thread_seq = ? ORDER BY messages.seq DESC LIMIT 1",
        (thread.seq,),
    )
    return _message(row) if row else None


async def stretch(reader: Reader, period: Period) -> str:
    """Return SQL for "of a period", to which ``:since`` and ``:until`` are to be bound.

    Lists are ordered by ``seq``, and nothing has an index of inbox and time: the period's ends are
    looked up as places in commit order, CLOCK_STEP_MS further out, and the times are then compared
    one by one.
    """
    conditions = ["TRUE"]
    if period.since is not None:
        conditions.append("messages.created_at >= :since")
        row = await reader.one(
            "SELECT seq FROM messages WHERE created_at >= ? ORDER BY created_at, seq LIMIT 1",
            (period.since - CLOCK_STEP_MS,),
        )
        conditions.append(f"messages.seq >= {row[0]:d}" if row else "FALSE")
    if period.until is not None:
        conditions.append("messages.created_at <= :until")
        row = await reader.one(
            "SELECT seq FROM messages WHERE created_at <= ?"
            " ORDER BY created_at DESC, seq DESC LIMIT 1",
            (period.until + CLOCK_STEP_MS,),
        )
        conditions.append(f"messages.seq <= {row[0]:d}" if row else "FALSE")
    return " AND ".join(conditions)


async def read(reader: Reader, inbox_seq: int, seqs: Sequence[int]) -> list[Message]:
    """Return these messages of an inbox, newest first; those that are gone are left out."""
    if not seqs:
        return []
    marks = ", ".join("?" * len(seqs))
    found = await reader.all(
        f"{_SELECT} WHERE messages.inbox_seq = ? AND messages.seq IN ({marks})"
        " ORDER BY messages.seq DESC",
        (inbox_seq, *seqs),
    )
    return [_message(row) for row in found]


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
