"""Inboxes at rest. A deleted one is a mark; its mail is removed in batches by the upkeep."""

from collections.abc import Collection
from dataclasses import replace

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Inbox
from sendook_lite.store.page import Page, bind, cut, seq_before
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

_DOMAIN = "SELECT id FROM domains WHERE name = substr(:address, instr(:address, '@') + 1)"
_COLUMNS = (
    "seq, id, name, email, created_at, updated_at,"
    f" ({_DOMAIN.replace(':address', 'inboxes.address')})"
)
_LIVE = f"SELECT {_COLUMNS} FROM inboxes WHERE deleted_at IS NULL"


def _inbox(row: Row) -> Inbox:
    return Inbox(*row)


_ADDRESSES = "inboxes by address"
_MAX_ADDRESSES = 1024


def insert(
    tx: Tx, name: str | None, email: str, address: str, *, made_for_mail: bool = False
) -> Inbox:
    """Add an inbox; ``address`` is ``email`` as it is compared."""
    _forget_addresses(tx)
    identifier = tx.ids.new("inbox")
    seq = tx.insert(
        "INSERT INTO inboxes (id, name, email, address, made_for_mail, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (identifier, name, email, address, made_for_mail, tx.now, tx.now),
    )
    domain = tx.one(_DOMAIN, {"address": address})
    return Inbox(seq, identifier, name, email, tx.now, tx.now, domain[0] if domain else None)


def get_in(tx: Tx, identifier: str) -> Inbox:
    """Return an inbox inside a transaction; NotFound when there is none."""
    row = tx.one(f"{_LIVE} AND id = ?", (identifier,))
    if row is None:
        raise NotFound("inbox")
    return _inbox(row)


def find_address_in(tx: Tx, address: str) -> Inbox | None:
    """Return the inbox with this address, as compared; remembered between transactions.

    Every mail and every report asks for one, and mostly for the same few.
    """
    known: dict[str, Inbox | None] = tx.memory.setdefault(_ADDRESSES, {})
    if address not in known:
        if len(known) >= _MAX_ADDRESSES:
            known.clear()
        row = tx.one(f"{_LIVE} AND address = ?", (address,))
        known[address] = _inbox(row) if row else None
    return known[address]


def _forget_addresses(tx: Tx) -> None:
    """Drop what is remembered; for whoever changes an inbox."""
    tx.memory.pop(_ADDRESSES, None)


_COUNT_MADE = "SELECT count(*) FROM inboxes WHERE made_for_mail = 1 AND created_at > ?"


def count_made_in(tx: Tx, since: int) -> int:
    """Count the inboxes that were made since a moment because mail came for them."""
    row = tx.one(_COUNT_MADE, (since,))
    return int(row[0]) if row else 0


def rename(tx: Tx, inbox: Inbox, name: str | None) -> Inbox:
    """Change the name of an inbox."""
    _forget_addresses(tx)
    tx.execute(
        "UPDATE inboxes SET name = ?, updated_at = ? WHERE seq = ?", (name, tx.now, inbox.seq)
    )
    return replace(inbox, name=name, updated_at=tx.now)


def mark_deleted(tx: Tx, inbox: Inbox) -> None:
    """Make an inbox disappear at once; one row, however much mail it holds."""
    _forget_addresses(tx)
    tx.execute("UPDATE inboxes SET deleted_at = ? WHERE seq = ?", (tx.now, inbox.seq))


def find_deleted(tx: Tx) -> int | None:
    """Return the seq of a deleted inbox whose rows are still there."""
    row = tx.one("SELECT seq FROM inboxes WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1")
    return row[0] if row else None


def remove(tx: Tx, seq: int) -> None:
    """Remove the row of a deleted inbox that holds nothing any more."""
    tx.execute("DELETE FROM inboxes WHERE seq = ?", (seq,))


async def list_page(
    reader: Reader, limit: int, before: str | None, ids: Collection[str] = ()
) -> Page[Inbox]:
    """Return inboxes, newest first; with ``ids`` only those of them."""
    names = bind("id", ids)
    chosen = f"id IN ({', '.join(f':{name}' for name in names)})" if names else "TRUE"
    rows = await reader.all(
        f"{_LIVE} AND {seq_before('inboxes', before)} AND {chosen} ORDER BY seq DESC LIMIT :limit",
        {"before": before, "limit": limit + 1, **names},
    )
    return cut([_inbox(row) for row in rows], limit)


async def existing(reader: Reader, ids: Collection[str]) -> frozenset[str]:
    """Return those of the ids that inboxes have."""
    marks = ", ".join("?" * len(ids))
    rows = await reader.all(
        f"SELECT id FROM inboxes WHERE deleted_at IS NULL AND id IN ({marks})", tuple(ids)
    )
    return frozenset(row[0] for row in rows)


async def get(reader: Reader, identifier: str) -> Inbox:
    """Return an inbox; NotFound when there is none."""
    row = await reader.one(f"{_LIVE} AND id = ?", (identifier,))
    if row is None:
        raise NotFound("inbox")
    return _inbox(row)


async def count_made(reader: Reader, since: int) -> int:
    """Count the inboxes that were made since a moment because mail came for them."""
    row = await reader.one(_COUNT_MADE, (since,))
    return int(row[0]) if row else 0


async def find_address(reader: Reader, address: str) -> Inbox | None:
    """Return the inbox with this address, as compared."""
    row = await reader.one(f"{_LIVE} AND address = ?", (address,))
    return _inbox(row) if row else None
