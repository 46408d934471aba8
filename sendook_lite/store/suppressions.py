"""Addresses that nothing is sent to: they bounced for good, or their owners complained."""

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Suppression, SuppressionReason
from sendook_lite.store.page import Page, cut
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Tx

_COLUMNS = "address, reason, message_id, created_at"


def add(tx: Tx, address: str, reason: SuppressionReason, message_id: str) -> None:
    """Add an address, as compared; a complaint takes the place of a bounce, never the reverse."""
    tx.execute(
        "INSERT INTO suppressions (address, reason, message_id, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (address) DO UPDATE SET reason = excluded.reason,"
        " message_id = excluded.message_id, created_at = excluded.created_at"
        " WHERE suppressions.reason = 'bounced' AND excluded.reason = 'complained'",
        (address, reason, message_id, tx.now),
    )


def find(tx: Tx, address: str) -> Suppression | None:
    """Return why nothing is sent to an address, as compared; None when there is no reason."""
    row = tx.one(f"SELECT {_COLUMNS} FROM suppressions WHERE address = ?", (address,))
    return Suppression(*row) if row else None


def remove(tx: Tx, address: str) -> Suppression:
    """Remove an address, as compared; NotFound when it is not there."""
    row = tx.one(f"DELETE FROM suppressions WHERE address = ? RETURNING {_COLUMNS}", (address,))
    if row is None:
        raise NotFound("suppression")
    return Suppression(*row)


async def list_page(reader: Reader, limit: int, before: str | None) -> Page[Suppression]:
    """Return addresses, newest first; ``before`` is the address that the page before ended with."""
    older = "TRUE"
    if before is not None:
        older = "seq < coalesce((SELECT seq FROM suppressions WHERE address = :before), 0)"
    rows = await reader.all(
        f"SELECT {_COLUMNS} FROM suppressions WHERE {older} ORDER BY seq DESC LIMIT :limit",
        {"before": before, "limit": limit + 1},
    )
    return cut([Suppression(*row) for row in rows], limit)
