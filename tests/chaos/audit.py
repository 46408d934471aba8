"""The verdict: what was acknowledged against what is on disk and what the receiver saw."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sendook_lite.delivery.scheduler import MAX_UNSETTLED
from tests.chaos.ledger import Ledger
from tests.chaos.receiver import Receipt
from tests.chaos.relay import Taking
from tests.chaos.senders import Acknowledged

EARLY_TOLERANCE = 0.002
"""Seconds; due times are whole milliseconds, and so is the clock that a restart carries on with."""


@dataclass
class Verdict:
    """What was counted, and every breach of a promise, by promise."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    breaches: dict[str, list[str]] = field(default_factory=dict)
    requests: int = 0
    repeated: int = 0
    """Requests that were made again because a kill came before their outcome was on disk."""
    unrecorded: list[int] = field(default_factory=list)
    """For each kill: requests that had reached the receiver, and whose outcome was not on disk."""
    handed_over: int = 0
    handed_again: int = 0
    """Mails that the relay got again because a kill came before its answer was on disk."""

    @property
    def clean(self) -> bool:
        return not any(self.breaches.values())


def judge(
    acknowledged: Acknowledged,
    ledger: Ledger,
    receipts: Sequence[Receipt],
    takings: Sequence[Taking],
    webhooks: dict[str, str],
    schedule: Sequence[float],
    lives: int,
) -> Verdict:
    """Compare all of them.

    Args:
        acknowledged: what senders were told.
        ledger: what was on disk at the kills and at the end.
        receipts: what reached the receiver, in order.
        takings: what reached the relay, in order.
        webhooks: path of each webhook at the receiver to its id.
        schedule: the delays between attempts, in seconds.
        lives: how often the server was killed or stopped; lives are numbered from 1.
    """
    verdict = Verdict()
    kinds = ("mails", "lines", "inboxes", "sent", "retries", "replays")
    verdict.acknowledged = {kind: len(getattr(acknowledged, kind)) for kind in kinds}
    verdict.requests = len(receipts)
    owed = list(_owed_events(acknowledged, ledger, verdict))
    arrived = {(one.event, one.webhook) for one in receipts if one.status == 200}
    verdict.breaches["lost: acknowledged and never delivered"] = [
        f"{what} ({event}) to {webhook}"
        for what, event in owed
        for webhook in webhooks
        if (event, webhook) not in arrived
    ]
    by_delivery: dict[str, list[float]] = defaultdict(list)
    for one in receipts:
        by_delivery[one.delivery].append(one.at)
    verdict.breaches["lost: a retry by hand"] = [
        delivery
        for delivery, at in acknowledged.retries
        if not any(each > at for each in by_delivery[delivery])
    ]
    verdict.breaches["lost: a replay"] = [
        each for each in acknowledged.replays if ledger.replays.get(each) != "done"
    ]
    verdict.breaches["stored twice"] = [
        *(f"{key} as {ids}" for key, ids in ledger.mails.items() if len(ids) > 1),
        *(f"{address} as {ids}" for address, ids in ledger.inboxes.items() if len(ids) > 1),
        *(f"{subject} as {ids}" for subject, ids in ledger.sent.items() if len(ids) > 1),
        *(
            f"{key}: {ids}"
            for key, ids in ledger.event_of.items()
            if key[0] in ("message.received", "inbox.created", "message.sent") and len(ids) > 1
        ),
    ]
    verdict.breaches["torn: an event without its deliveries"] = [
        f"{event} to {webhook}"
        for event in ledger.events
        for webhook in webhooks.values()
        if (event, webhook) not in ledger.deliveries
    ]
    verdict.breaches["torn: a message without its event"] = [
        identifier
        for ids in ledger.mails.values()
        for identifier in ids
        if ("message.received", identifier) not in ledger.event_of
    ]
    verdict.breaches["the database was not sound"] = ledger.problems
    _judge_requests(verdict, ledger, receipts, lives)
    _judge_sent(verdict, acknowledged, ledger, takings)
    _judge_times(verdict, ledger, receipts, schedule)
    return verdict


def _owed_events(
    acknowledged: Acknowledged, ledger: Ledger, verdict: Verdict
) -> Iterable[tuple[str, str]]:
    """Say which events receivers must have had; what is not even on disk is lost already."""
    lost = verdict.breaches["lost: acknowledged and not on disk"] = []
    for message_id, recipient in acknowledged.mails:
        found = ledger.mails.get((message_id, recipient), [])
        events = [
            each for one in found for each in ledger.event_of.get(("message.received", one), [])
        ]
        if not events:
            lost.append(f"mail {message_id} for {recipient}")
        yield from ((f"mail {message_id} for {recipient}", event) for event in events)
    for key, event in acknowledged.lines.items():
        if ledger.lines.get(key) != event or event not in ledger.events:
            lost.append(f"{key} as {event}")
        yield key, event
    for kind, names, made in (
        ("inbox.created", acknowledged.inboxes, ledger.inboxes),
        ("message.sent", acknowledged.sent, ledger.sent),
    ):
        for name in names:
            found = made.get(name, [])
            events = [each for one in found for each in ledger.event_of.get((kind, one), [])]
            if not events:
                lost.append(f"{kind} of {name}")
            yield from ((name, event) for event in events)


def _judge_requests(
    verdict: Verdict, ledger: Ledger, receipts: Sequence[Receipt], lives: int
) -> None:
    """Requests are repeated only when a kill came before their outcome was on disk."""
    without_kill, after_record, bodies, unsigned = [], [], defaultdict(set), []
    last: dict[tuple[str, int], Receipt] = {}
    unrecorded = [0] * (lives + 1)
    for one in receipts:
        attempt = (one.delivery, one.attempt)
        before = last.get(attempt)
        recorded = ledger.attempts.get(attempt)
        if before is not None:
            verdict.repeated += 1
            if before.life == one.life:
                without_kill.append(f"{attempt} in life {one.life}")
        if recorded is None or recorded.seen > one.life:
            unrecorded[one.life] += 1
        elif recorded.seen < one.life:
            after_record.append(f"{attempt}, recorded in life {recorded.seen}, in life {one.life}")
        last[attempt] = one
        bodies[one.event].add(one.digest)
        if not one.signed:
            unsigned.append(f"{attempt}")
    verdict.unrecorded = unrecorded[1:]
    verdict.breaches["repeated without a kill"] = without_kill
    verdict.breaches["repeated though its outcome was on disk"] = after_record
    verdict.breaches["recorded twice"] = [
        f"{attempt}" for attempt, recorded in ledger.attempts.items() if recorded.rows > 1
    ]
    verdict.breaches["an event with different bytes"] = [
        event for event, digests in bodies.items() if len(digests) > 1
    ]
    verdict.breaches["not signed"] = unsigned
    possible = sum(unrecorded)
    verdict.breaches["more repeated than was in flight at the kills"] = [
        *([f"{verdict.repeated} of {possible}"] if verdict.repeated > possible else []),
        *(f"{count} at kill {at}" for at, count in enumerate(unrecorded) if count > MAX_UNSETTLED),
    ]


def _judge_sent(
    verdict: Verdict, acknowledged: Acknowledged, ledger: Ledger, takings: Sequence[Taking]
) -> None:
    """Every mail that was to be sent reaches the relay, and again only after a kill."""
    last: dict[str, Taking] = {}
    without_kill, after_record, changed = [], [], []
    for one in takings:
        recorded = ledger.handed_over.get(one.subject)
        if (before := last.get(one.subject)) is not None:
            verdict.handed_again += 1
            if before.life == one.life:
                without_kill.append(f"{one.subject} in life {one.life}")
            if (before.message_id, before.digest) != (one.message_id, one.digest):
                changed.append(one.subject)
        if recorded is not None and recorded < one.life:
            after_record.append(f"{one.subject}, recorded in life {recorded}, in life {one.life}")
        last[one.subject] = one
    verdict.handed_over = len(takings)
    verdict.breaches["lost: a mail that never reached the relay"] = [
        subject for subject in acknowledged.sent if subject not in last
    ]
    verdict.breaches["handed over again without a kill"] = without_kill
    verdict.breaches["handed over again though its outcome was on disk"] = after_record
    verdict.breaches["handed over again with other bytes"] = changed


def _judge_times(
    verdict: Verdict, ledger: Ledger, receipts: Sequence[Receipt], schedule: Sequence[float]
) -> None:
    """No retry comes before its time; what was asked for by hand or by a replay has none."""
    by_hand = {
        delivery
        for (delivery, _), attempt in ledger.attempts.items()
        if attempt.trigger != "scheduled"
    }
    answered: dict[tuple[str, int], float] = {}
    early = verdict.breaches["a retry before its time"] = []
    for one in receipts:
        before = answered.get((one.delivery, one.attempt - 1))
        if before is not None and one.delivery not in by_hand:
            delay = schedule[one.attempt - 2]
            if one.at - before < delay - EARLY_TOLERANCE:
                early.append(f"{one.delivery} attempt {one.attempt} after {one.at - before:.4f} s")
        if one.answered_at is not None and one.status != 200:
            answered.setdefault((one.delivery, one.attempt), one.answered_at)
