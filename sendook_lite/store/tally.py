"""Sums over everything, by the hour: read by pages, which must not count a million rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sendook_lite.domain.model import HourCount
from sendook_lite.store.reader import Reader
from sendook_lite.store.statistics import DURATIONS_TAKEN, HOUR_MS, percentile
from sendook_lite.store.tx import Tx

OF_ALL = 0
"""The webhook, which there is not, whose hours hold the sums over all."""

PENDING_COUNTED = 10_000

_PLACE = "events_counted_up_to"


@dataclass(frozen=True, slots=True)
class TypeCount:
    """Events of a type within an hour, or a longer stretch; ``start`` is its beginning."""

    start: int
    type: str
    count: int


def count_events(tx: Tx, limit: int) -> bool:
    """Add the next events of the log to their hours; False when they were fewer than ``limit``.

    Behind the log, a batch at a time: counting each event as it is written would cost every one of
    them a statement.
    """
    row = tx.one("SELECT value FROM meta WHERE key = ?", (_PLACE,))
    place = row[0] if row else 0
    found = tx.all(
        "SELECT created_at - created_at % ?, type, sum(is_test = 0), max(seq), count(*) FROM"
        " (SELECT seq, type, is_test, created_at FROM events WHERE seq > ? ORDER BY seq LIMIT ?)"
        " GROUP BY 1, 2",
        (HOUR_MS, place, limit),
    )
    if not found:
        return False
    tx.execute_many(
        "INSERT INTO event_hours (hour, type, count) VALUES (?, ?, ?)"
        " ON CONFLICT (hour, type) DO UPDATE SET count = count + excluded.count",
        [(hour, kind, count) for hour, kind, count, *_ in found if count],
    )
    tx.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_PLACE, max(row[3] for row in found)),
    )
    return bool(sum(row[4] for row in found) == limit)


async def events_since(reader: Reader, since: int, length: int = HOUR_MS) -> list[TypeCount]:
    """Return how many events of each type there were since a moment, by stretches of a length."""
    rows = await reader.all(
        "SELECT hour - hour % :length, type, sum(count) FROM event_hours WHERE hour >= :since"
        " GROUP BY 1, 2",
        {"since": since, "length": length},
    )
    return [TypeCount(*row) for row in rows]


async def endings_since(
    reader: Reader, since: int, length: int = HOUR_MS, webhook_seq: int = OF_ALL
) -> list[HourCount]:
    """Return how many deliveries ended since a moment, by stretches; such without any left out."""
    rows = await reader.all(
        "SELECT hour - hour % :length, sum(delivered), sum(failed) FROM webhook_hours"
        " WHERE webhook_seq = :webhook AND hour >= :since GROUP BY 1",
        {"webhook": webhook_seq, "since": since, "length": length},
    )
    return [HourCount(*row) for row in rows]


async def endings_of(
    reader: Reader, webhook_seqs: Sequence[int], since: int
) -> dict[int, list[HourCount]]:
    """Return the same by the hour for each of some webhooks, by its seq."""
    marks = ", ".join("?" * len(webhook_seqs))
    rows = await reader.all(
        "SELECT webhook_seq, hour, delivered, failed FROM webhook_hours"
        f" WHERE webhook_seq IN ({marks}) AND hour >= ?",
        (*webhook_seqs, since),
    )
    found: dict[int, list[HourCount]] = {}
    for seq, *counts in rows:
        found.setdefault(seq, []).append(HourCount(*counts))
    return found


async def count_pending(reader: Reader) -> int:
    """Count pending deliveries, up to one more than PENDING_COUNTED."""
    row = await reader.one(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_unsuccessful"
        " WHERE status = 'pending' AND status <> 'delivered' LIMIT ?)",
        (PENDING_COUNTED + 1,),
    )
    return row[0] if row else 0


async def p95_ms(reader: Reader) -> int:
    """Return within how many ms 95 % of the last attempts ended."""
    rows = await reader.all(
        "SELECT duration FROM attempts WHERE trigger <> 'test' ORDER BY seq DESC LIMIT ?",
        (DURATIONS_TAKEN,),
    )
    return percentile(sorted(row[0] for row in rows), 0.95)
