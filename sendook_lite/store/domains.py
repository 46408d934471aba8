"""Domains at rest, with what the last look at the DNS found."""

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from sendook_lite.domain.dns_records import Finding
from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Domain
from sendook_lite.store.page import Page, cut, seq_before
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

_SELECT = "SELECT seq, id, name, verified_at, findings, created_at, updated_at FROM domains"
_NAMED = f"{_SELECT} WHERE id = :named OR name = :named"


def _domain(row: Row) -> Domain:
    *head, findings, created_at, updated_at = row
    found = tuple(
        Finding(**{**each, "found": tuple(each["found"])}) for each in orjson.loads(findings)
    )
    return Domain(*(*head, found, created_at, updated_at))


def insert(tx: Tx, name: str, *, verified: bool) -> Domain:
    """Add a domain; ``name`` as it is compared."""
    identifier = tx.ids.new("dom")
    verified_at = tx.now if verified else None
    seq = tx.insert(
        "INSERT INTO domains (id, name, verified_at, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (identifier, name, verified_at, tx.now, tx.now),
    )
    return Domain(seq, identifier, name, verified_at, (), tx.now, tx.now)


def find_in(tx: Tx, id_or_name: str) -> Domain | None:
    """Return a domain inside a transaction."""
    row = tx.one(_NAMED, {"named": id_or_name})
    return _domain(row) if row else None


def get_in(tx: Tx, id_or_name: str) -> Domain:
    """Return a domain inside a transaction; NotFound when there is none."""
    found = find_in(tx, id_or_name)
    if found is None:
        raise NotFound("domain")
    return found


def note(tx: Tx, domain: Domain, findings: Sequence[Finding], *, verified: bool) -> Domain:
    """Keep what was found in the DNS; what is verified stays so."""
    tx.execute(
        "UPDATE domains SET findings = ?, verified_at = coalesce(verified_at, ?), updated_at = ?"
        " WHERE seq = ?",
        (
            orjson.dumps([asdict(each) for each in findings]).decode(),
            tx.now if verified else None,
            tx.now,
            domain.seq,
        ),
    )
    return get_in(tx, domain.id)


def remove(tx: Tx, domain: Domain) -> None:
    """Remove a domain; its inboxes stay."""
    tx.execute("DELETE FROM domains WHERE seq = ?", (domain.seq,))


async def get(reader: Reader, id_or_name: str) -> Domain:
    """Return a domain; NotFound when there is none."""
    row = await reader.one(_NAMED, {"named": id_or_name})
    if row is None:
        raise NotFound("domain")
    return _domain(row)


async def list_page(reader: Reader, limit: int, before: str | None) -> Page[Domain]:
    """Return domains, newest first."""
    rows = await reader.all(
        f"{_SELECT} WHERE {seq_before('domains', before)} ORDER BY seq DESC LIMIT :limit",
        {"before": before, "limit": limit + 1},
    )
    return cut([_domain(row) for row in rows], limit)


async def verified_names(reader: Reader) -> frozenset[str]:
    """Return the names of all verified domains."""
    rows = await reader.all("SELECT name FROM domains WHERE verified_at IS NOT NULL")
    return frozenset(row[0] for row in rows)
