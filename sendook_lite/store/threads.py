"""Threads at rest, and the Message-IDs by which a mail finds its thread."""

from collections.abc import Iterable, Sequence

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Thread
from sendook_lite.store.page import Page, cut, seq_before
from sendook_lite.store.reader import Reader
from sendook_lite.store.writer import Row, Tx

_SELECT = (
    "SELECT threads.seq, threads.id, inboxes.id, threads.subject, threads.created_at,"
    " threads.updated_at FROM threads JOIN inboxes ON inboxes.seq = threads.inbox_seq"
    " AND inboxes.deleted_at IS NULL"
)


def _thread(row: Row, message_ids: Sequence[str] = ()) -> Thread:
    return Thread(*(*row, tuple(message_ids)))


def insert(tx: Tx, inbox_seq: int, subject: str) -> tuple[int, str]:
    """Start a thread; returns its seq and id."""
    identifier = tx.ids.new("thread")
    seq = tx.insert(
        "INSERT INTO threads (id, inbox_seq, subject, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (identifier, inbox_seq, subject, tx.now, tx.now),
    )
    return seq, identifier


def find_by_references(tx: Tx, inbox_seq: int, message_ids: Iterable[str]) -> list[int]:
    """Return the threads that know any of the Message-IDs, in the order of the ids, each once."""
    found: dict[int, None] = {}
    for message_id in message_ids:
        row = tx.one(
            "SELECT thread_seq FROM thread_references WHERE inbox_seq = ? AND message_id = ?",
            (inbox_seq, message_id),
        )
        if row is not None:
            found[row[0]] = None
    return list(found)


def remember(tx: Tx, inbox_seq: int, thread_seq: int, message_ids: Iterable[str]) -> None:
    """Let Message-IDs lead to a thread, unless they already lead somewhere."""
    tx.execute_many(
        "INSERT OR IGNORE INTO thread_references (inbox_seq, message_id, thread_seq)"
        " VALUES (?, ?, ?)",
        [(inbox_seq, message_id, thread_seq) for message_id in message_ids],
    )


def touch(tx: Tx, thread_seq: int) -> str:
    """Note that a thread grew; returns its id."""
    row = tx.one(
        "UPDATE threads SET updated_at = ? WHERE seq = ? RETURNING id", (tx.now, thread_seq)
    )
    if row is None:
        raise NotFound("thread")
    return str(row[0])


def merge(tx: Tx, younger: int, older: int) -> None:
    """Move everything of the younger thread into the older one and remove the younger."""
    for table in ("messages", "thread_references"):
        tx.execute(f"UPDATE {table} SET thread_seq = ? WHERE thread_seq = ?", (older, younger))
    tx.execute("DELETE FROM threads WHERE seq = ?", (younger,))


def remove_of_inbox(tx: Tx, inbox_seq: int, limit: int) -> int:
    """Remove some threads of a deleted inbox, and what leads to them; returns how many rows."""
    removed = tx.execute(
        "DELETE FROM thread_references WHERE (inbox_seq, message_id) IN"
        " (SELECT inbox_seq, message_id FROM thread_references WHERE inbox_seq = ? LIMIT ?)",
        (inbox_seq, limit),
    ).rowcount
    if removed:
        return removed
    return tx.execute(
        "DELETE FROM threads WHERE seq IN (SELECT seq FROM threads WHERE inbox_seq = ? LIMIT ?)",
        (inbox_seq, limit),
    ).rowcount


async def _message_ids(reader: Reader, thread_seqs: Sequence[int]) -> dict[int, list[str]]:
    """Return the ids of the messages of threads, oldest first."""
    if not thread_seqs:
        return {}
    marks = ", ".join("?" * len(thread_seqs))
    rows = await reader.all(
        f"SELECT thread_seq, id FROM messages WHERE thread_seq IN ({marks})"
        " ORDER BY thread_seq, seq",
        thread_seqs,
    )
    ids: dict[int, list[str]] = {}
    for thread_seq, identifier in rows:
        ids.setdefault(thread_seq, []).append(identifier)
    return ids


async def list_page(reader: Reader, inbox_seq: int, limit: int, before: str | None) -> Page[Thread]:
    """Return threads of an inbox with the ids of their messages, newest thread first."""
    rows = await reader.all(
        f"{_SELECT} WHERE threads.inbox_seq = :inbox AND {seq_before('threads', before)}"
        " ORDER BY threads.seq DESC LIMIT :limit",
        {"inbox": inbox_seq, "before": before, "limit": limit + 1},
    )
    page = cut(rows, limit)
    ids = await _message_ids(reader, [row[0] for row in page.items])
    return Page([_thread(row, ids.get(row[0], ())) for row in page.items], page.more)


async def get(reader: Reader, inbox_id: str, identifier: str) -> Thread:
    """Return a thread of an inbox; NotFound when it has none such."""
    row = await reader.one(
        f"{_SELECT} WHERE threads.id = ? AND inboxes.id = ?", (identifier, inbox_id)
    )
    if row is None:
        raise NotFound("thread")
    ids = await _message_ids(reader, [row[0]])
    return _thread(row, ids.get(row[0], ()))
