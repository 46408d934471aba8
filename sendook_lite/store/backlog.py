"""The backlog: how much is still owed, and since when. Read from indexes of what is pending."""

from dataclasses import dataclass

from sendook_lite.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many deliveries are pending, and when the oldest was made, in ms; None: there is none.

    What was opened again by a replay or by hand counts as pending, but not for the age: its row is
    as old as what it repeats.
    """

    pending: int
    oldest_at: int | None


async def measure(reader: Reader) -> Backlog:
    """Count the entries of an index that holds only what is pending, and seek the oldest."""
    count = await reader.one(
        "SELECT count(*) FROM deliveries INDEXED BY deliveries_due WHERE due_at IS NOT NULL"
    )
    oldest = await reader.one(
        "SELECT created_at FROM deliveries INDEXED BY deliveries_unsuccessful"
        " WHERE status <> 'delivered' AND status = 'pending'"
        " AND trigger = 'scheduled' ORDER BY seq LIMIT 1"
    )
    return Backlog(count[0] if count else 0, oldest[0] if oldest else None)
