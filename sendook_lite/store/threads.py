"""Threads at rest, and the Message-IDs by which a mail finds its thread."""

from collections.abc import Collection, Iterable
from typing import Final

import orjson

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Thread
from sendook_lite.store.page import Page, cut, seq_before
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

MAX_IDS: Final = 100
"""Ids that are given of one thread; the others are read with its messages, page by page."""

_SELECT = (
    "SELECT threads.seq, threads.id, inboxes.id, threads.subject, threads.created_at,"
    " threads.updated_at, (SELECT json_group_array(id) FROM (SELECT id FROM messages"
    " WHERE thread_seq = threads.seq ORDER BY seq LIMIT :ids))"
    " FROM threads JOIN inboxes ON inboxes.seq = threads.inbox_seq"
    " AND inboxes.deleted_at IS NULL WHERE threads.merged_into IS NULL AND threads.emptied = 0"
)


def _thread(row: Row) -> Thread:
    *columns, document = row
    ids = orjson.loads(document)
    return Thread(*(*columns, tuple(ids[:MAX_IDS]), len(ids) > MAX_IDS))


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
    """Return the threads that know any of the Message-IDs, each once."""
    # Neither IN nor DISTINCT: SQLite makes a table for each, which takes longer than the search.
    rows = tx.all(
        "SELECT coalesce(threads.merged_into, threads.seq) FROM json_each(?)"
        " CROSS JOIN thread_references ON thread_references.inbox_seq = ?"
        " AND thread_references.message_id = json_each.value"
        " JOIN threads ON threads.seq = thread_references.thread_seq",
        (orjson.dumps(tuple(message_ids)).decode(), inbox_seq),
    )
    return list(dict.fromkeys(row[0] for row in rows))


def find_in(tx: Tx, inbox_seq: int, identifier: str) -> int | None:
    """Return the seq of a thread of an inbox; None when it has none such (any more)."""
    row = tx.one(
        "SELECT coalesce(merged_into, seq) FROM threads WHERE id = ? AND inbox_seq = ?",
        (identifier, inbox_seq),
    )
    return row[0] if row else None


def remember(tx: Tx, inbox_seq: int, thread_seq: int, message_ids: Iterable[str]) -> None:
    """Let Message-IDs lead to a thread, unless they already lead somewhere."""
    tx.execute(
        "INSERT OR IGNORE INTO thread_references (inbox_seq, message_id, thread_seq)"
        " SELECT ?, value, ? FROM json_each(?)",
        (inbox_seq, thread_seq, orjson.dumps(tuple(message_ids)).decode()),
    )


def touch(tx: Tx, thread_seq: int) -> str:
    """Note that a thread grew, even from nothing; returns its id."""
    row = tx.one(
        "UPDATE threads SET updated_at = ?, emptied = 0 WHERE seq = ? RETURNING id",
        (tx.now, thread_seq),
    )
    if row is None:
        raise NotFound("thread")
    return str(row[0])


def merge(tx: Tx, younger: int, older: int, limit: int) -> None:
    """Make one thread of two: the younger is gone from now on.

    As many as ``limit`` messages, and what leads to the thread, move at once; the rest of a huge
    thread is moved by ``move_merged``.
    """
    tx.execute("UPDATE threads SET merged_into = ? WHERE merged_into = ?", (older, younger))
    tx.execute("UPDATE threads SET merged_into = ?, emptied = 0 WHERE seq = ?", (older, younger))
    _move(tx, younger, older, limit)


def move_merged(tx: Tx, limit: int) -> bool:
    """Move some of what a merged thread still has; False when there is none such."""
    row = tx.one("SELECT seq, merged_into FROM threads WHERE merged_into IS NOT NULL LIMIT 1")
    if row is None:
        return False
    younger, older = row
    _move(tx, younger, older, limit)
    return True


def _move(tx: Tx, younger: int, older: int, limit: int) -> None:
    """Move rows of the younger thread, oldest first, and remove it when it has none any more."""
    left = (
        limit
        - tx.execute(
            "UPDATE messages SET thread_seq = ? WHERE seq IN"
            " (SELECT seq FROM messages WHERE thread_seq = ? ORDER BY seq LIMIT ?)",
            (older, younger, limit),
        ).rowcount
    )
    left -= tx.execute(
        "UPDATE thread_references SET thread_seq = ? WHERE (inbox_seq, message_id) IN"
        " (SELECT inbox_seq, message_id FROM thread_references WHERE thread_seq = ? LIMIT ?)",
        (older, younger, left),
    ).rowcount
    if left > 0:
        tx.execute("DELETE FROM threads WHERE seq = ?", (younger,))
        empty_unless_used(tx, older)


def empty_unless_used(tx: Tx, seq: int) -> None:
    """Hide a thread whose last message is gone, until it is removed.

    One into which another is still being merged stays, and so does one that is being merged: its
    end is the end of that. A mail that answers to a hidden one brings it back.
    """
    tx.execute(
        "UPDATE threads SET emptied = 1 WHERE seq = :seq AND merged_into IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM messages WHERE thread_seq = :seq)"
        " AND NOT EXISTS (SELECT 1 FROM threads AS other WHERE other.merged_into = :seq)",
        {"seq": seq},
    )


def remove_emptied(tx: Tx, limit: int) -> bool:
    """Remove some of what leads to a thread without messages, then it; False when there is none."""
    row = tx.one("SELECT seq FROM threads WHERE emptied = 1 ORDER BY seq LIMIT 1")
    if row is None:
        return False
    removed = tx.execute(
        "DELETE FROM thread_references WHERE (inbox_seq, message_id) IN"
        " (SELECT inbox_seq, message_id FROM thread_references WHERE thread_seq = ? LIMIT ?)",
        (row[0], limit),
    ).rowcount
    if removed < limit:
        tx.execute("DELETE FROM threads WHERE seq = ?", (row[0],))
    return True


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


async def list_page(reader: Reader, inbox_seq: int, limit: int, before: str | None) -> Page[Thread]:
    """Return threads of an inbox with the ids of their first messages, newest thread first."""
    rows = await reader.all(
        f"{_SELECT} AND threads.inbox_seq = :inbox AND {seq_before('threads', before)}"
        " ORDER BY threads.seq DESC LIMIT :limit",
        {"inbox": inbox_seq, "before": before, "limit": limit + 1, "ids": MAX_IDS + 1},
    )
    return cut([_thread(row) for row in rows], limit)


async def count_messages(reader: Reader, thread_ids: Collection[str]) -> dict[str, int]:
    """Count the messages of threads, by the threads' ids."""
    marks = ", ".join("?" * len(thread_ids))
    rows = await reader.all(
        "SELECT threads.id, (SELECT count(*) FROM messages WHERE thread_seq = threads.seq)"
        f" FROM threads WHERE id IN ({marks})",
        list(thread_ids),
    )
    return dict(rows)


async def get(reader: Reader, inbox_id: str, identifier: str) -> Thread:
    """Return a thread of an inbox; NotFound when it has none such."""
    row = await reader.one(
        f"{_SELECT} AND threads.id = :id AND inboxes.id = :inbox",
        {"id": identifier, "inbox": inbox_id, "ids": MAX_IDS + 1},
    )
    if row is None:
        raise NotFound("thread")
    return _thread(row)
