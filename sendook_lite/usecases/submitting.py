"""Submitting: what is due for the relay, and what follows from its answers, one commit each."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from sendook_lite.domain import events
from sendook_lite.domain.addresses import normalise
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.submission import (
    BACKOFF_SECONDS,
    GIVE_UP_AFTER_MS,
    Mailing,
    Replies,
    Reply,
    backoff,
    rank,
)
from sendook_lite.domain.tokens import Tokens
from sendook_lite.store import blobs, messages, submissions
from sendook_lite.store.database import Store
from sendook_lite.store.submissions import DueMail, Recipient
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.publish import Published, Publisher
from sendook_lite.usecases.reports import ReportedOutcome, Reports

BATCH: Final = 50
"""Recipients that are given up in one unit of work."""

_LONGEST_DETAIL: Final = 1024


class Submitting:
    """Knows what is to be handed to the relay; the rows survive a restart.

    Args:
        store: where they are.
        publisher: announces events.
        reports: record outcomes.
        tokens: make the envelope sender.
        now: the time that due times are measured against, in ms.
        dress: adds what only the relay is to see to a mail.
    """

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        reports: Reports,
        tokens: Tokens,
        now: Callable[[], int],
        dress: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._reports = reports
        self._tokens = tokens
        self._now = now
        self._dress = dress

    async def resume(self) -> int:
        """Prepare for a start; returns how many tries a clock set back had put out of reach.

        Raises:
            StoreFailed: as everything here does.
        """
        now = self._now()
        latest = now + BACKOFF_SECONDS[-1] * MS_PER_SECOND
        return await self._store.writer.write(submissions.clamp, latest, now + GIVE_UP_AFTER_MS)

    async def due(self, busy: Collection[int], limit: int) -> tuple[list[DueMail], float | None]:
        """Return mail that is due now, and in how many seconds the next is; None: nothing is.

        ``busy`` are the messages that are being handed over already.
        """
        now = self._now()
        found, next_at = await self._store.writer.write(submissions.take_due, now, busy, limit)
        return found, None if next_at is None else max(0, next_at - now) / MS_PER_SECOND

    async def mailing(self, due: DueMail) -> Mailing | None:
        """Return a mail as it is handed over, the same bytes each time; None: it was deleted."""
        reader = self._store.reader
        raw = await blobs.read(reader, due.blob_seq)
        if len(raw) != await blobs.size(reader, due.blob_seq) or not raw:
            return None  # what is being removed goes bit by bit
        domain = normalise(due.from_address).rpartition("@")[2]
        return Mailing(
            raw=self._dress(raw),
            sender=self._tokens.return_path(due.message_id, domain),
            recipients=tuple(each.recipient for each in due.recipients),
            envelope_id=due.message_id,
        )

    async def settle(self, due: DueMail, replies: Replies) -> None:
        """Record what the relay said: rows, status and events in one commit."""
        published = await self._store.writer.write(self._settle, due, replies, self._now())
        self._publisher.announce(*published)

    async def give_up_expired(self, reason: str) -> int:
        """Give up recipients who have waited too long for the relay; returns how many.

        Meant for when no mail can be handed over at all, and each would wait for a try of its own.
        """
        total = 0
        while True:
            given_up, published = await self._store.writer.write(self._give_up, reason, self._now())
            self._publisher.announce(*published)
            total += given_up
            if given_up < BATCH:
                return total

    # --- inside the transaction

    def _settle(self, tx: Tx, due: DueMail, replies: Replies, now: int) -> list[Published]:
        taken: list[tuple[Recipient, Reply]] = []
        refused: list[tuple[Recipient, Reply]] = []
        asked = {each.position for each in due.recipients}
        # Of those who were asked about now, reports may be quicker than we are.
        was_sent = any(
            each.status not in ("queued", "rejected") and each.position not in asked
            for each in submissions.of_message(tx, due.message_seq)
        )
        last_try = submissions.expires_at(tx, due.message_seq) <= now
        for recipient in due.recipients:
            reply = _short(replies[recipient.recipient])
            if reply.taken:
                taken.append((recipient, reply))
            elif reply.refused or last_try:
                refused.append((recipient, reply))
            else:
                wait = backoff(recipient.tries + 1) * MS_PER_SECOND
                submissions.postpone(
                    tx, due.message_seq, recipient.position, str(reply), now + wait
                )
        self._note_taken(tx, due.message_seq, taken)
        published = []
        if taken and not was_sent and messages.find_in(tx, due.message_id) is not None:
            outcome = ReportedOutcome(events.MESSAGE_SENT, message_id=due.message_id)
            published.append(self._reports.apply(tx, outcome))
        for recipient, reply in refused:
            place = (due.message_seq, due.message_id)
            published += self._reject(tx, place, recipient, reply)
        return published

    def _note_taken(self, tx: Tx, message_seq: int, taken: list[tuple[Recipient, Reply]]) -> None:
        """Note who was taken; a report may have been quicker than we were, and knows more."""
        known = {each.position: each.status for each in submissions.of_message(tx, message_seq)}
        for recipient, reply in taken:
            status, detail = known.get(recipient.position, "queued"), None
            if rank(status) < rank("sent"):
                status, detail = "sent", str(reply)
            submissions.decide(tx, message_seq, recipient.position, status, detail)

    def _reject(
        self, tx: Tx, message: tuple[int, str], recipient: Recipient, reply: Reply
    ) -> list[Published]:
        """Record that a recipient of a message, given by seq and id, was refused."""
        seq, identifier = message
        submissions.decide(tx, seq, recipient.position, "rejected", str(reply))
        if messages.find_in(tx, identifier) is None:
            return []  # its inbox was deleted meanwhile
        outcome = ReportedOutcome(
            events.MESSAGE_REJECTED,
            recipient=recipient.recipient,
            message_id=identifier,
            status=reply.enhanced,
            permanent=reply.refused,
            diagnostic=str(reply),
        )
        return [self._reports.apply(tx, outcome)]

    def _give_up(self, tx: Tx, reason: str, now: int) -> tuple[int, list[Published]]:
        found = submissions.expired(tx, now, BATCH)
        published: list[Published] = []
        for seq, identifier, recipient in found:
            published += self._reject(tx, (seq, identifier), recipient, Reply(0, reason))
        return len(found), published


def _short(reply: Reply) -> Reply:
    return replace(reply, text=reply.text[:_LONGEST_DETAIL])
