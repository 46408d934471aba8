"""How many mails were accepted for sending, by hour and by who asked."""

from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Tx


def add(tx: Tx, hour: int, principal: str) -> int:
    """Count one mail; returns how many the principal has sent in this hour, this one included."""
    row = tx.one(
        "INSERT INTO sent_hours (hour, principal, count) VALUES (?, ?, 1)"
        " ON CONFLICT (hour, principal) DO UPDATE SET count = count + 1 RETURNING count",
        (hour, principal),
    )
    return int(row[0]) if row else 1


def remove(tx: Tx, before: int, limit: int) -> bool:
    """Remove some hours from before a moment; False when there are none."""
    removed = tx.execute(
        "DELETE FROM sent_hours WHERE (hour, principal) IN"
        " (SELECT hour, principal FROM sent_hours WHERE hour < ? ORDER BY hour LIMIT ?)",
        (before, limit),
    )
    return removed.rowcount > 0


async def count(reader: Reader, since: int, principal: str | None = None) -> int:
    """Count mails since the start of an hour; those of one principal, or of all."""
    chosen = "TRUE" if principal is None else "principal = :principal"
    row = await reader.one(
        f"SELECT coalesce(sum(count), 0) FROM sent_hours WHERE hour >= :since AND {chosen}",
        {"since": since, "principal": principal},
    )
    return int(row[0]) if row else 0
