"""Sending: a mail is composed, stored with a row for each recipient, and only then accepted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sendook_lite.domain import events
from sendook_lite.domain.addresses import normalise
from sendook_lite.domain.clock import Clock
from sendook_lite.domain.compose import Draft, complete, compose
from sendook_lite.domain.errors import FieldError, Invalid, Unavailable
from sendook_lite.domain.ids import Ids, is_id
from sendook_lite.domain.mail import Mail, parse
from sendook_lite.domain.message_content import content_of
from sendook_lite.domain.model import Inbox, Message, MessageContent
from sendook_lite.domain.replying import (
    reply_recipients,
    reply_subject,
)
from sendook_lite.domain.submission import GIVE_UP_AFTER_MS
from sendook_lite.domain.tokens import Tokens
from sendook_lite.store import (
    blobs,
    inboxes,
    messages,
    submissions,
    suppressions,
    threads,
)
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.drafting import Wanted, draft_of, referring
from sendook_lite.usecases.publish import Published, Publisher
from sendook_lite.usecases.reports import ReportedOutcome, Reports
from sendook_lite.usecases.send_limit import Allowance, count_send
from sendook_lite.usecases.threading import join, place

COMPOSED_OFF_LOOP: Final = 64 * 1024
"""A mail longer than this is composed on a thread, so that others are not kept waiting."""

Sign = Callable[[bytes, str], bytes]
"""Signs a mail (DKIM, RFC 6376): raw mail and domain in, raw mail with its signature out."""


class RelayNotConfigured(Unavailable):
    """There is nobody to hand mail to; nothing was stored (503)."""

    def __init__(self) -> None:
        super().__init__(
            "relay_not_configured", "No relay is configured: set relay.url, and mail can be sent"
        )


@dataclass(frozen=True, slots=True)
class SendingRules:
    """What holds for all mail that is sent, from the settings."""

    sends_per_hour: int
    inline_attachments: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail that will be sent, and what its sender may still send; None: there is no limit."""

    message: Message
    allowance: Allowance | None


@dataclass(frozen=True, slots=True)
class _Composed:
    """A mail on its way into the store."""

    message_id: str
    draft: Draft
    raw: bytes
    digest: bytes
    mail: Mail
    labels: tuple[str, ...]
    thread_id: str | None


class Sending:
    """Accepts mail to be sent.

    Args:
        store: where it is kept.
        publisher: tells of recipients who are refused at once.
        reports: records these.
        tokens: make the Message-ID.
        rules: from the settings.
        clock: for stamps.
        ids: mints the id, which is in the mail itself.
        due_now: the time that due times are measured against.
        accepted: told when there is mail to hand over; None: there is no relay.
        sign: signs what leaves.
    """

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        reports: Reports,
        tokens: Tokens,
        rules: SendingRules,
        clock: Clock,
        ids: Ids,
        due_now: Callable[[], int],
        accepted: Callable[[], None] | None,
        sign: Sign = lambda raw, _: raw,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._reports = reports
        self._tokens = tokens
        self._rules = rules
        self._clock = clock
        self._ids = ids
        self._due_now = due_now
        self._accepted = accepted
        self._sign = sign

    async def send(self, principal: str, inbox_id: str, wanted: Wanted) -> Accepted:
        """Accept a new mail, or one that goes on in a thread.

        Args:
            principal: who asks: the id of an API key, or ``operator``.
            inbox_id: which inbox it is sent from.
            wanted: what is to be sent.

        Raises:
            RelayNotConfigured: nothing can be sent here.
            NotFound: no such inbox, thread or message.
            TooManySends: the key has used up its hour.
            StoreFailed: nothing was stored.
        """
        self._ensure_relay()
        inbox = await inboxes.get(self._store.reader, inbox_id)
        draft = draft_of(inbox, wanted)
        original = await self._followed(inbox, wanted)
        if original is not None:
            draft = referring(draft, original, await self._read(original))
        elif wanted.in_reply_to is not None:
            draft = replace(draft, in_reply_to=wanted.in_reply_to, references=(wanted.in_reply_to,))
        thread_id = wanted.thread_id
        if thread_id is None and original is not None:
            thread_id = original.thread_id
        return await self._accept(principal, inbox, draft, wanted.labels, thread_id)

    async def reply(
        self, principal: str, inbox_id: str, message_id: str, wanted: Wanted
    ) -> Accepted:
        """Accept a reply to a message of the inbox; its recipients and subject follow from that.

        Raises:
            Invalid: there is nobody to reply to.
            others: as for `send`.
        """
        self._ensure_relay()
        inbox = await inboxes.get(self._store.reader, inbox_id)
        original = await messages.get(self._store.reader, inbox.id, message_id)
        mail = await self._read(original)
        to, cc = reply_recipients(original, mail, inbox.email, everybody=wanted.reply_all)
        if not to:
            raise Invalid(
                "The message names no address that a reply could go to", code="no_reply_address"
            )
        draft = replace(
            draft_of(inbox, wanted),
            to=to,
            cc=cc,
            subject=reply_subject(original.content.subject),
        )
        draft = referring(draft, original, mail)
        return await self._accept(principal, inbox, draft, wanted.labels, original.thread_id)

    # --- before the transaction

    def _ensure_relay(self) -> None:
        if self._accepted is None:
            raise RelayNotConfigured

    async def _followed(self, inbox: Inbox, wanted: Wanted) -> Message | None:
        """Return the message a new one follows: the one it answers, or the last of its thread."""
        reader = self._store.reader
        if wanted.in_reply_to is not None and is_id(wanted.in_reply_to):
            return await messages.get(reader, inbox.id, wanted.in_reply_to)
        if wanted.thread_id is None:
            return None
        thread = await threads.get(reader, inbox.id, wanted.thread_id)
        if wanted.in_reply_to is not None:
            return None
        return await messages.newest_of_thread(reader, thread)

    async def _read(self, message: Message) -> Mail:
        reader = self._store.reader
        raw = await blobs.read(reader, await messages.blob_of(reader, message))
        return await asyncio.to_thread(parse, raw) if len(raw) > COMPOSED_OFF_LOOP else parse(raw)

    async def _accept(
        self,
        principal: str,
        inbox: Inbox,
        draft: Draft,
        labels: tuple[str, ...],
        thread_id: str | None,
    ) -> Accepted:
        message_id = self._ids.new("msg")
        now = self._clock.now()

        def make() -> _Composed:
            domain = normalise(inbox.email).rpartition("@")[2]
            header = self._tokens.message_id_header(message_id, domain)
            raw = self._sign(_composed(draft, header, now), domain)
            return _Composed(
                message_id, draft, raw, blobs.digest(raw), parse(raw), labels, thread_id
            )

        composed = await asyncio.to_thread(make) if draft.size > COMPOSED_OFF_LOOP else make()
        message, allowance, published = await self._store.writer.write(
            self._store_in, principal, inbox.id, composed
        )
        self._publisher.announce(*published)
        if self._accepted is not None:
            self._accepted()
        return Accepted(message, allowance)

    # --- inside it

    def _store_in(
        self, tx: Tx, principal: str, inbox_id: str, composed: _Composed
    ) -> tuple[Message, Allowance | None, list[Published]]:
        """Store a mail and its recipients; those that must not be written to are refused at once.

        Raises:
            TooManySends: nothing was stored.
            NotFound: the inbox is gone.
        """
        allowance = count_send(tx, principal, self._rules.sends_per_hour)
        inbox = inboxes.get_in(tx, inbox_id)
        if composed.thread_id is None:
            thread = place(tx, inbox.seq, composed.mail)
        else:
            thread = join(tx, inbox.seq, composed.thread_id, composed.mail)
        message = messages.insert(
            tx,
            inbox=(inbox.seq, inbox.id),
            thread=thread,
            blob_seq=blobs.put(tx, composed.digest, composed.raw),
            direction="outbound",
            status="queued",
            external_message_id=composed.mail.message_id,
            content=self._content(composed, tx.ids),
            identifier=composed.message_id,
        )
        recipients: dict[str, str] = {}
        for each in composed.draft.recipients:
            recipients.setdefault(normalise(each), each)
        given = [(recipient, address) for address, recipient in recipients.items()]
        due_at = self._due_now()
        submissions.insert(tx, message.seq, given, due_at, due_at + GIVE_UP_AFTER_MS)
        published = self._refuse_suppressed(tx, message.id, given)
        return messages.find_in(tx, message.id) or message, allowance, published

    def _refuse_suppressed(
        self, tx: Tx, message_id: str, recipients: list[tuple[str, str]]
    ) -> list[Published]:
        published = []
        for recipient, address in recipients:
            known = suppressions.find(tx, address)
            if known is None:
                continue
            why = "an earlier mail bounced" if known.reason == "bounced" else "a complaint"
            outcome = ReportedOutcome(
                events.MESSAGE_REJECTED,
                recipient=recipient,
                message_id=message_id,
                permanent=True,
                diagnostic=f"not sent: the address is on the suppression list, for {why}",
            )
            published.append(self._reports.apply(tx, outcome))
        return published

    def _content(self, composed: _Composed, ids: Ids) -> MessageContent:
        """Return what is shown of a mail: what was asked for, and its attachments as written."""
        draft = composed.draft
        text, markup = complete(draft.text, draft.html)
        written = content_of(
            composed.mail,
            recipient="",
            sender=draft.from_address,
            inline_limit=self._rules.inline_attachments,
            ids=ids,
        )
        return replace(
            written,
            from_address=draft.from_address,
            from_name=draft.from_name,
            envelope_from=None,
            to=draft.to,
            cc=draft.cc,
            bcc=draft.bcc,
            reply_to=draft.reply_to,
            subject=draft.subject,
            text=text,
            full_text=text,
            html=markup,
            labels=composed.labels,
            parse_error=None,
        )


def _composed(draft: Draft, message_id: str, now: int) -> bytes:
    try:
        return compose(draft, message_id, now)
    except ValueError as error:
        # Callers have judged every field: this is the last line against header injection.
        raise Invalid(str(error), (FieldError("headers", str(error)),)) from error
