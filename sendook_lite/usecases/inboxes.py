"""Inboxes: made, renamed and removed, each change an event in the same transaction."""

import re
import secrets
import unicodedata
from collections.abc import Collection

from sendook_lite.domain import events, resources
from sendook_lite.domain.addresses import is_plausible, normalise, split
from sendook_lite.domain.errors import FieldError, Invalid, SendookError
from sendook_lite.domain.model import Inbox
from sendook_lite.store import inboxes
from sendook_lite.store.database import Store
from sendook_lite.store.page import Page
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.publish import Published, Publisher
from sendook_lite.usecases.served_domains import ServedDomains

RESERVED_LOCAL_PARTS = frozenset({"bounces"})
"""Taken by the product itself: reports come back to ``bounces+<token>@…``."""

DEFAULT_LOCAL_PART = "inbox"
_NOT_LOCAL = re.compile(r"[^a-z0-9]+")
_MAX_LOCAL_PART = 64
_MAX_IN_USE = 1024


class InvalidDomain(SendookError):
    """The address is in a domain whose mail is not for us (404, as existing clients expect)."""

    def __init__(self) -> None:
        super().__init__("invalid_domain", "Invalid domain name")


class Inboxes:
    """The use cases around inboxes."""

    def __init__(self, store: Store, publisher: Publisher, served: ServedDomains) -> None:
        self._store = store
        self._publisher = publisher
        self.served = served
        self.in_use: set[str] = set()
        """Addresses that took mail lately, for asking the store less; whether one still does is
        decided when a mail is stored."""

    async def create(self, name: str | None, email: str | None) -> Inbox:
        """Make an inbox; without an address one is derived from the name.

        Raises:
            Invalid: the address is malformed, reserved or taken.
            InvalidDomain: its domain is not served here.
        """
        if email is not None:
            self._judge(email)
        inbox, published = await self._store.writer.write(self._create, name, email)
        self._publisher.announce(published)
        return inbox

    async def rename(self, identifier: str, name: str | None) -> Inbox:
        """Change the name of an inbox; None removes it."""
        inbox, published = await self._store.writer.write(self._rename, identifier, name)
        self._publisher.announce(published)
        return inbox

    async def delete(self, identifier: str) -> Inbox:
        """Remove an inbox with its messages and threads; returns what it was."""
        inbox, published = await self._store.writer.write(self._delete, identifier)
        self.in_use.clear()
        self._publisher.announce(published)
        return inbox

    def note_use(self, address: str) -> None:
        """Take note that an address took mail just now."""
        if len(self.in_use) >= _MAX_IN_USE:
            self.in_use.clear()
        self.in_use.add(address)

    async def get(self, identifier: str) -> Inbox:
        """Return an inbox; NotFound when there is none."""
        return await inboxes.get(self._store.reader, identifier)

    async def page(self, limit: int, before: str | None, ids: Collection[str] = ()) -> Page[Inbox]:
        """Return inboxes, newest first; with ``ids`` only those of them."""
        return await inboxes.list_page(self._store.reader, limit, before, ids)

    def create_in(
        self, tx: Tx, name: str | None, email: str, *, made_for_mail: bool = False
    ) -> tuple[Inbox, Published]:
        """Make an inbox for an address already judged; part of a larger unit of work."""
        inbox = inboxes.insert(tx, name, email, normalise(email), made_for_mail=made_for_mail)
        published = self._publisher.publish(
            tx, events.INBOX_CREATED, resources.inbox(inbox), inbox_id=inbox.id
        )
        return inbox, published

    def _judge(self, email: str) -> None:
        if not is_plausible(email):
            raise _bad_email("Invalid email address, expected name@domain", email)
        local, detail, domain = split(normalise(email))
        if domain not in self.served:
            raise InvalidDomain
        if local in RESERVED_LOCAL_PARTS:
            raise _bad_email(f"{local}@ is reserved for delivery reports", email)
        if detail is not None:
            raise _bad_email("An address has no +detail: mail to name+detail@ reaches it", email)

    def _create(self, tx: Tx, name: str | None, email: str | None) -> tuple[Inbox, Published]:
        if email is None:
            return self.create_in(tx, name, self._derive(tx, name))
        if inboxes.find_address_in(tx, normalise(email)) is not None:
            raise _bad_email("Inbox with this email already exists", email)
        return self.create_in(tx, name, email)

    def _rename(self, tx: Tx, identifier: str, name: str | None) -> tuple[Inbox, Published]:
        inbox = inboxes.rename(tx, inboxes.get_in(tx, identifier), name)
        published = self._publisher.publish(
            tx, events.INBOX_UPDATED, resources.inbox(inbox), inbox_id=inbox.id
        )
        return inbox, published

    def _delete(self, tx: Tx, identifier: str) -> tuple[Inbox, Published]:
        inbox = inboxes.get_in(tx, identifier)
        inboxes.mark_deleted(tx, inbox)
        published = self._publisher.publish(
            tx, events.INBOX_DELETED, resources.inbox(inbox), inbox_id=inbox.id
        )
        return inbox, published

    def _derive(self, tx: Tx, name: str | None) -> str:
        """Derive a free address from a name: ``Dr. Ann`` becomes ``dr-ann@<first domain>``."""
        local = local_part(name)
        if local in RESERVED_LOCAL_PARTS:
            local = f"{local}-{DEFAULT_LOCAL_PART}"
        candidate = f"{local}@{self.served.first}"
        while inboxes.find_address_in(tx, normalise(candidate)) is not None:
            candidate = f"{local}-{secrets.token_hex(3)}@{self.served.first}"
        return candidate


def local_part(name: str | None) -> str:
    """Turn a display name into the local part of an address."""
    folded = unicodedata.normalize("NFKD", name or "").encode("ascii", "ignore").decode().lower()
    return _NOT_LOCAL.sub("-", folded).strip("-")[: _MAX_LOCAL_PART - 8].strip("-") or (
        DEFAULT_LOCAL_PART
    )


def _bad_email(message: str, email: str) -> Invalid:
    return Invalid(message, (FieldError("email", message, email),), code="invalid_email")
