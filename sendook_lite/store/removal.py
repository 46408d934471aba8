"""The one place where messages go, with everything that hangs on them.

Whatever refers to a message is removed here and nowhere else: a new table that does so adds its
line to ``_remove``, and deleting a message, deleting an inbox and retention all follow.
"""

from collections.abc import Iterable

from sendook_lite.store import blobs, search, submissions, threads
from sendook_lite.store.messages import unpack
from sendook_lite.store.tx import Tx


def remove_message(tx: Tx, seq: int) -> None:
    """Remove one message; its thread goes with the last one."""
    _remove_each(tx, [seq], 1, 1)


def remove_old(tx: Tx, before: int, rows: int, max_bytes: int) -> bool:
    """Remove some messages from before a moment; False when there are none."""
    found = tx.all(
        "SELECT seq FROM messages WHERE created_at < ? ORDER BY created_at, seq LIMIT ?",
        (before, rows),
    )
    _remove_each(tx, [seq for (seq,) in found], rows, max_bytes)
    return bool(found)


def remove_of_inbox(tx: Tx, inbox_seq: int, rows: int, max_bytes: int) -> bool:
    """Remove some messages of an inbox; False when there are none."""
    found = tx.all(
        "SELECT seq FROM messages WHERE inbox_seq = ? ORDER BY seq LIMIT ?", (inbox_seq, rows)
    )
    _remove_each(tx, [seq for (seq,) in found], rows, max_bytes)
    return bool(found)


def _remove_each(tx: Tx, seqs: Iterable[int], rows: int, max_bytes: int) -> None:
    """Remove messages until as much was done as the writer may be held for, at least one."""
    for seq in seqs:
        size, cost = _remove(tx, seq)
        rows -= cost
        max_bytes -= size
        if rows <= 0 or max_bytes <= 0:
            break


def _remove(tx: Tx, seq: int) -> tuple[int, int]:
    """Remove a message; returns the bytes of its content and how many rows that was worth."""
    inbox_seq, thread_seq, blob_seq, size, content = tx.all(
        "SELECT inbox_seq, thread_seq, blob_seq, content_size, content FROM messages WHERE seq = ?",
        (seq,),
    )[0]
    indexed = search.forget(tx, inbox_seq, seq, unpack(content))
    recipients = submissions.remove_of_message(tx, seq)
    tx.execute("DELETE FROM messages WHERE seq = ?", (seq,))
    threads.empty_unless_used(tx, thread_seq)
    blobs.release(tx, blob_seq)
    return size, 1 + recipients + (search.ENTRY_ROWS if indexed else 0)
