"""Domains: added while running, verified by their DNS records, and served from then on."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sendook_lite.domain.dns_records import (
    Finding,
    RecordRules,
    RecordType,
    WantedRecord,
    judge,
    wanted_records,
)
from sendook_lite.domain.domain_name import parse_domain
from sendook_lite.domain.errors import Conflict, FieldError, Invalid, SendookError
from sendook_lite.domain.model import Domain
from sendook_lite.store import domains
from sendook_lite.store.database import Store
from sendook_lite.store.page import Page
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.served_domains import ServedDomains


class DnsFailed(SendookError):
    """The DNS gave no answer, neither yes nor no."""

    def __init__(self, why: str) -> None:
        super().__init__("dns_failed", why)


class DnsLookup(Protocol):
    """Asks the DNS."""

    async def __call__(self, name: str, record_type: RecordType) -> tuple[str, ...]:
        """Return the records of a name, none if there are none.

        MX are ``10 host``, without a final dot; the strings of a TXT are joined.

        Raises:
            DnsFailed: there was no answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class DomainRecords:
    """A domain, the records it needs, and what was found of each at the last look."""

    domain: Domain
    records: tuple[tuple[WantedRecord, Finding], ...]

    @property
    def id(self) -> str:
        """The id of the domain."""
        return self.domain.id


class Domains:
    """The use cases around domains.

    A domain stays verified until it is deleted: refusing mail for good because the DNS is disturbed
    for an hour would lose it.
    """

    def __init__(
        self,
        store: Store,
        served: ServedDomains,
        look_up: DnsLookup,
        rules: RecordRules,
        *,
        trust: bool,
    ) -> None:
        self._store = store
        self._served = served
        self._look_up = look_up
        self._rules = rules
        self._trust = trust
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Serve what is verified; at the start and after every change."""
        self._served.serve(await domains.verified_names(self._store.reader))

    async def create(self, name: str) -> DomainRecords:
        """Add a domain; verified at once only where domains are trusted.

        Raises:
            Invalid: it is no domain.
            Conflict: it is there already.
        """
        try:
            parsed = parse_domain(name)
        except ValueError as error:
            message = f"name {error}"
            raise Invalid(message, (FieldError("name", str(error), name),)) from error
        async with self._changing:
            made = await self._store.writer.write(_create, parsed, self._trust)
            await self.load()
        return self._with_records(made)

    async def verify(self, id_or_name: str) -> DomainRecords:
        """Look at the DNS; the domain is served once all that is required is right.

        Raises:
            NotFound: no such domain.
        """
        domain = await domains.get(self._store.reader, _key(id_or_name))
        wanted = wanted_records(self._rules, domain.name)
        findings = await asyncio.gather(*map(self._check, wanted))
        right = self._trust or all(
            finding.status == "verified"
            for record, finding in zip(wanted, findings, strict=True)
            if record.required
        )
        async with self._changing:
            domain = await self._store.writer.write(_note, domain.id, findings, verified=right)
            await self.load()
        return self._with_records(domain)

    async def delete(self, id_or_name: str) -> DomainRecords:
        """Serve a domain no longer; its inboxes stay, and get no mail. Returns what it was."""
        async with self._changing:
            gone = await self._store.writer.write(_delete, _key(id_or_name))
            await self.load()
        return self._with_records(gone)

    async def get(self, id_or_name: str) -> DomainRecords:
        """Return a domain; NotFound when there is none."""
        return self._with_records(await domains.get(self._store.reader, _key(id_or_name)))

    async def page(self, limit: int, before: str | None) -> Page[DomainRecords]:
        """Return domains, newest first."""
        found = await domains.list_page(self._store.reader, limit, before)
        return Page([self._with_records(each) for each in found.items], found.more)

    async def _check(self, wanted: WantedRecord) -> Finding:
        try:
            found = await self._look_up(wanted.name, wanted.type)
        except DnsFailed as error:
            return Finding(wanted.purpose, wanted.value, "failed", advice=error.message)
        return judge(self._rules, wanted, found)

    def _with_records(self, domain: Domain) -> DomainRecords:
        """Put to each record what was found of it, unless the settings asked for another then."""
        known = {(each.purpose, each.value): each for each in domain.findings}
        return DomainRecords(
            domain,
            tuple(
                (
                    wanted,
                    known.get(
                        (wanted.purpose, wanted.value),
                        Finding(wanted.purpose, wanted.value, "pending"),
                    ),
                )
                for wanted in wanted_records(self._rules, domain.name)
            ),
        )


def _key(id_or_name: str) -> str:
    """Return an id as it is, a name as domains are compared."""
    try:
        return parse_domain(id_or_name)
    except ValueError:
        return id_or_name


def _create(tx: Tx, name: str, verified: bool) -> Domain:  # noqa: FBT001 - handed on by the writer
    if domains.find_in(tx, name) is not None:
        raise Conflict("domain_exists", "This domain is there already")
    return domains.insert(tx, name, verified=verified)


def _note(tx: Tx, identifier: str, findings: Sequence[Finding], *, verified: bool) -> Domain:
    return domains.note(tx, domains.get_in(tx, identifier), findings, verified=verified)


def _delete(tx: Tx, id_or_name: str) -> Domain:
    domain = domains.get_in(tx, id_or_name)
    domains.remove(tx, domain)
    return domain
