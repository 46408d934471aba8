"""Removes records older than they are to be kept; each function is one short unit of work.

Every walk begins at the oldest row, so there is nothing to remember over a restart. ``rows`` and
``max_bytes`` bound what a unit removes, for that is how long the writer is held; the last row of a
unit may exceed them.
"""

from typing import Final

from sendook_lite.store.page import within
from sendook_lite.store.tx import Tx

Place = tuple[int, int]
"""How far a walk along the events has come: time and seq of the last one."""

OLDEST: Final[Place] = (0, 0)


def remove_events(tx: Tx, before: int, place: Place, rows: int, max_bytes: int) -> Place | None:
    """Remove some events from before a moment, with all that was recorded about them.

    An event with a pending delivery stays whole, whatever its age: it is still to be sent, and its
    other deliveries belong to the same story. The walk is to go on behind the place that is
    returned, which is what keeps such events from being looked at again and again; None: it is at
    its end.
    """
    found = tx.all(
        "SELECT created_at, seq, length(body) FROM events WHERE created_at < ?"
        " AND (created_at, seq) > (?, ?) ORDER BY created_at, seq LIMIT ?",
        (before, *place, rows),
    )
    for created_at, seq, size in found:
        owed = tx.all("SELECT seq, due_at FROM deliveries WHERE event_seq = ?", (seq,))
        if any(due_at is not None for _, due_at in owed):
            rows -= len(owed)
        else:
            rows -= _remove_deliveries(tx, [delivery for delivery, _ in owed], rows)
            if rows <= 0:
                return place
            tx.execute("DELETE FROM events WHERE seq = ?", (seq,))
            rows -= 1
            max_bytes -= size
        place = (created_at, seq)
        if rows <= 0 or max_bytes <= 0:
            break
    return place if found else None


def _remove_deliveries(tx: Tx, seqs: list[int], limit: int) -> int:
    """Remove deliveries and their attempts; returns how many rows, ``limit`` if some may be left.

    An event may have gone to any number of webhooks, and a delivery been retried by hand as often.
    """
    left = limit
    for seq in seqs:
        left -= tx.execute(
            "DELETE FROM attempts WHERE seq IN"
            " (SELECT seq FROM attempts WHERE delivery_seq = ? LIMIT ?)",
            (seq, left),
        ).rowcount
        if left <= 0:
            break
        tx.execute("DELETE FROM deliveries WHERE seq = ?", (seq,))
        left -= 1
        if left <= 0:
            break
    return limit - left


def remove_event_keys(tx: Tx, before: int, rows: int) -> bool:
    """Forget some keys of the event socket from before a moment; False when there are none."""
    removed = tx.execute(
        "DELETE FROM event_keys WHERE key IN"
        " (SELECT key FROM event_keys WHERE created_at < ? ORDER BY created_at LIMIT ?)",
        (before, rows),
    )
    return removed.rowcount > 0


def remove_webhook_hours(tx: Tx, before: int, rows: int) -> bool:
    """Remove some hours of statistics from before a moment; False when there are none."""
    removed = tx.execute(
        "DELETE FROM webhook_hours WHERE (webhook_seq, hour) IN"
        " (SELECT webhook_seq, hour FROM webhook_hours WHERE hour < ? ORDER BY hour LIMIT ?)",
        (before, rows),
    )
    return removed.rowcount > 0


def remove_event_hours(tx: Tx, before: int, rows: int) -> bool:
    """Remove some hours of counted events from before a moment; False when there are none."""
    removed = tx.execute(
        "DELETE FROM event_hours WHERE (hour, type) IN"
        " (SELECT hour, type FROM event_hours WHERE hour < ? ORDER BY hour LIMIT ?)",
        (before, rows),
    )
    return removed.rowcount > 0


def remove_idempotent_requests(tx: Tx, before: int, rows: int, max_bytes: int) -> bool:
    """Forget some requests from before a moment; False when there are none."""
    sizes = tx.all(
        "SELECT seq, coalesce(length(answer), 0) FROM idempotent_requests WHERE created_at < ?"
        " ORDER BY created_at, seq LIMIT ?",
        (before, rows),
    )
    seqs = within(((seq, size) for seq, size in sizes), max_bytes)
    tx.execute_many("DELETE FROM idempotent_requests WHERE seq = ?", [(seq,) for seq in seqs])
    return bool(seqs)
