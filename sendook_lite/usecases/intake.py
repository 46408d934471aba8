"""Intake: a mail comes in, and message, event and deliveries are on disk before anyone says 250."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from sendook_lite.domain import events, resources
from sendook_lite.domain.addresses import normalise, split
from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import SendookError
from sendook_lite.domain.message_content import content_of
from sendook_lite.domain.model import Inbox
from sendook_lite.store import blobs, inboxes, messages
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.inboxes import RESERVED_LOCAL_PARTS, Inboxes
from sendook_lite.usecases.prepared_mail import PreparedMail, prepare
from sendook_lite.usecases.publish import Published, Publisher
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.threading import join, place

DUPLICATE_WINDOW = 7 * 24 * 3600 * 1000
"""How long the same bytes for the same inbox are taken for a repetition, in ms."""

_HOUR = 3600 * 1000


class UnknownRecipient(SendookError):
    """The domain is served here, the address is not (550 5.1.1)."""

    def __init__(self, address: str) -> None:
        super().__init__("unknown_recipient", f"no inbox has the address {address}")


class DomainNotServed(SendookError):
    """Mail for this domain is not for us (550 5.7.1)."""

    def __init__(self, domain: str) -> None:
        super().__init__("domain_not_served", f"mail for {domain} is not handled here")


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """What is accepted, from the settings ``inbound`` and ``delivery``."""

    unknown_recipients: Literal["reject", "create"]
    create_per_hour: int
    catch_all: str
    inline_attachments: int
    public_url: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a mail for one recipient.

    With ``report`` nothing was stored but what the mail says about a message that we sent, whose
    id ``message_id`` then is.
    """

    message_id: str
    event_id: str | None
    duplicate: bool
    report: bool = False
    published: tuple[Published, ...] = ()


Became = Stored | BaseException
"""What became of a mail for one recipient, or why nothing of it is stored."""


class Intake:
    """Takes mail for inboxes."""

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        inbox_cases: Inboxes,
        rules: IntakeRules,
        clock: Clock,
        ensure_room: Callable[[], None],
        reports: ReportMail | None = None,
    ) -> None:
        self._reports = reports
        self._store = store
        self._publisher = publisher
        self._inboxes = inbox_cases
        self._rules = rules
        self._clock = clock
        self._ensure_room = ensure_room

    async def judge_recipient(self, address: str) -> None:
        """Decide whether mail for an address is taken.

        Raises:
            DomainNotServed, UnknownRecipient: it is not.
            Unavailable: it cannot be decided or stored now.
        """
        self._ensure_room()
        local, bare = self._bare(address)
        if bare in self._inboxes.in_use:
            return
        if await inboxes.find_address(self._store.reader, bare) is not None:
            return
        if self._takes_reports(address):
            return
        if local in RESERVED_LOCAL_PARTS:
            raise UnknownRecipient(address)
        if self._rules.catch_all and await inboxes.find_address(
            self._store.reader, normalise(self._rules.catch_all)
        ):
            return
        made = await inboxes.count_made(self._store.reader, self._clock.now() - _HOUR)
        if not self._may_create(made):
            raise UnknownRecipient(address)

    async def prepare(self, raw: bytes, recipients: Sequence[str] = ()) -> PreparedMail:
        """Read a mail; never fails on its content.

        Args:
            raw: the mail.
            recipients: of the envelope; what the mail reports is read if one of them is an address
                for reports.
        """
        prepared = await prepare(raw)
        if any(self._takes_reports(recipient) for recipient in recipients):
            return await prepared.with_report()
        return prepared

    def submit(
        self,
        tell: Callable[[Became], None],
        prepared: PreparedMail,
        recipient: str,
        sender: str | None,
    ) -> None:
        """Have a mail stored for one recipient: message, event and deliveries.

        What is committed is announced, whoever waits for it.

        Args:
            tell: is told what became of it, after the commit.
            prepared: the mail, prepared for this recipient.
            recipient: the envelope recipient; may carry +detail.
            sender: the envelope sender; None or empty for the null sender.

        What is told, and at times raised at once, are ``UnknownRecipient`` and ``DomainNotServed``
        where nobody takes it, and ``Unavailable`` where nothing can be stored now.
        """
        self._ensure_room()
        brief = not prepared.large and prepared.report is None
        submit = self._store.writer.submit_brief if brief else self._store.writer.submit
        told = partial(self._stored, tell, recipient)
        submit(told, self.receive_in, prepared, recipient, sender)

    async def receive(self, prepared: PreparedMail, recipient: str, sender: str | None) -> Stored:
        """Store a mail for one recipient and wait for the commit; otherwise as ``submit``."""
        waiter: asyncio.Future[Became] = asyncio.get_running_loop().create_future()
        self.submit(
            lambda became: None if waiter.done() else waiter.set_result(became),
            prepared,
            recipient,
            sender,
        )
        became = await waiter
        if isinstance(became, BaseException):
            raise became
        return became

    def _stored(
        self,
        tell: Callable[[Became], None],
        recipient: str,
        stored: Stored | None,
        error: BaseException | None,
    ) -> None:
        became = stored or error
        try:
            if stored is not None:
                self._announce(stored, recipient)
        finally:
            if became is not None:
                tell(became)

    def _announce(self, stored: Stored, recipient: str) -> None:
        if not stored.report:
            self._inboxes.note_use(self._bare(recipient)[1])
        self._publisher.announce(*stored.published)

    async def deliver_here(self, raw: bytes, sender: str, recipient: str) -> str | None:
        """Let a mail that was to leave come in again; None when its recipient is not here.

        Raises:
            Unavailable: it cannot be stored now.
        """
        try:
            stored = await self.receive(await self.prepare(raw, (recipient,)), recipient, sender)
        except (DomainNotServed, UnknownRecipient):
            return None
        return stored.message_id

    def receive_in(
        self, tx: Tx, prepared: PreparedMail, recipient: str, sender: str | None
    ) -> Stored:
        """Store a mail for one recipient; a unit of work, or part of a larger one."""
        subject = self._subject(recipient)
        if subject is not None:
            return self._receive_report(tx, prepared, subject, sender)
        complaint = self._receive_complaint(tx, prepared, recipient)
        try:
            inbox, made = self._inbox_for(tx, recipient)
        except UnknownRecipient:
            if complaint is None:
                raise
            return complaint
        stored = self._store_in(tx, prepared, inbox, sender)
        told = () if complaint is None else complaint.published
        return replace(stored, published=(*made, *told, *stored.published))

    def _store_in(
        self,
        tx: Tx,
        prepared: PreparedMail,
        inbox: Inbox,
        sender: str | None,
        thread_id: str | None = None,
    ) -> Stored:
        """Store a mail in an inbox, in the thread it belongs to or in the one that is named."""
        blob_seq, here_before = blobs.keep(tx, prepared.digest, prepared.raw)
        if here_before:
            known = messages.find_duplicate(tx, inbox.seq, blob_seq, tx.now - DUPLICATE_WINDOW)
            if known is not None:
                return Stored(known, None, duplicate=True)
        mail = prepared.mail
        if thread_id is None:
            thread = place(tx, inbox.seq, mail)
        else:
            thread = join(tx, inbox.seq, thread_id, mail)
        message = messages.insert(
            tx,
            inbox=(inbox.seq, inbox.id),
            thread=thread,
            blob_seq=blob_seq,
            direction="inbound",
            status="received",
            external_message_id=mail.message_id,
            content=content_of(
                mail,
                recipient=inbox.email,
                sender=sender,
                inline_limit=self._rules.inline_attachments,
                ids=tx.ids,
            ),
        )
        published = self._publisher.publish(
            tx,
            events.MESSAGE_RECEIVED,
            resources.message(message, self._rules.public_url),
            inbox_id=inbox.id,
            message_id=message.id,
        )
        return Stored(message.id, published.event.id, duplicate=False, published=(published,))

    # --- mail about mail of ours

    def _receive_report(
        self, tx: Tx, prepared: PreparedMail, subject: str, sender: str | None
    ) -> Stored:
        """Take mail that came to the return path of a message of ours.

        What reports nothing about anybody is an out-of-office note, a person, or a bounce that
        nobody can read: it joins the conversation that it answers, so that nothing is lost.
        """
        report = prepared.as_report
        told = Stored(subject, None, duplicate=False, report=True)
        if self._reports is not None and (report.recipients or report.kind == "complaint"):
            return replace(told, published=tuple(self._reports.apply(tx, subject, report)))
        message = messages.find_in(tx, subject)
        if message is None:
            return told
        inbox = inboxes.get_in(tx, message.inbox_id)
        return self._store_in(tx, prepared, inbox, sender, message.thread_id)

    def _receive_complaint(self, tx: Tx, prepared: PreparedMail, recipient: str) -> Stored | None:
        """Take what came to an address for complaints; None when it is none about mail of ours."""
        if self._reports is None or not self._reports.takes_complaints(self._bare(recipient)[1]):
            return None
        subject = self._reports.complaint_about(prepared.as_report)
        if subject is None:
            return None
        published = tuple(self._reports.apply(tx, subject, prepared.as_report))
        return Stored(subject, None, duplicate=False, report=True, published=published)

    def _subject(self, address: str) -> str | None:
        """Return the id of the message whose return path an address is; None: it is none."""
        if self._reports is None:
            return None
        local, detail, _ = split(normalise(address))
        return self._reports.subject(local, detail)

    def _takes_reports(self, recipient: str) -> bool:
        """Say whether an address is one for reports about mail of ours, or for complaints."""
        if self._reports is None:
            return False
        local, detail, domain = split(normalise(recipient))
        return self._reports.subject(local, detail) is not None or self._reports.takes_complaints(
            f"{local}@{domain}"
        )

    def _inbox_for(self, tx: Tx, recipient: str) -> tuple[Inbox, tuple[Published, ...]]:
        local, bare = self._bare(recipient)
        inbox = inboxes.find_address_in(tx, bare)
        if inbox is None and self._rules.catch_all and local not in RESERVED_LOCAL_PARTS:
            inbox = inboxes.find_address_in(tx, normalise(self._rules.catch_all))
        if inbox is not None:
            return inbox, ()
        made = inboxes.count_made_in(tx, tx.now - _HOUR)
        if local in RESERVED_LOCAL_PARTS or not self._may_create(made):
            raise UnknownRecipient(recipient)
        inbox, published = self._inboxes.create_in(tx, None, bare, made_for_mail=True)
        return inbox, (published,)

    def _bare(self, address: str) -> tuple[str, str]:
        """Return the local part without +detail and the address with it, as compared."""
        local, _, domain = split(normalise(address))
        if domain not in self._inboxes.served:
            raise DomainNotServed(domain)
        return local, f"{local}@{domain}"

    def _may_create(self, made: int) -> bool:
        """Say whether an inbox may be made for an unknown recipient after so many in an hour."""
        return self._rules.unknown_recipients == "create" and made < self._rules.create_per_hour


def all_published(stored: Sequence[Stored]) -> list[Published]:
    """Collect what is to be announced after the commit of several mails."""
    return [published for each in stored for published in each.published]
