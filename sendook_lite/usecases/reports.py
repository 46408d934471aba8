"""Reports: what became of a mail, told by whoever knows, becomes an event about it."""

from typing import Any, Final, NamedTuple

from sendook_lite.domain import events, resources
from sendook_lite.domain.addresses import normalise
from sendook_lite.domain.clock import iso
from sendook_lite.domain.errors import Invalid, NotFound
from sendook_lite.domain.model import Message, NewEvent
from sendook_lite.domain.submission import rank
from sendook_lite.store import inboxes, messages, submissions, suppressions
from sendook_lite.store.submissions import Recipient
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.publish import Published, Publisher

_STATUS_ORDER: Final = ("sent", "rejected", "delivered", "bounced", "complained")
"""A message's status only ever moves to the right."""

_ACTIONS: Final = {
    events.MESSAGE_DELIVERED: "delivered",
    events.MESSAGE_BOUNCED: "failed",
    events.MESSAGE_REJECTED: "failed",
    events.MESSAGE_COMPLAINED: "complained",
}

REPORTED_EVENTS: Final = (events.MESSAGE_SENT, *_ACTIONS)
"""The events that a report may be about."""


class ReportedOutcome(NamedTuple):
    """One thing that became of one mail for one recipient.

    The mail is named by our ``message_id``, by ``envelope_id`` (ours as well, RFC 3461 section
    4.4), by the ``message_id_header``, or, where we did not send it, by ``sender`` alone.
    """

    event_type: str
    recipient: str | None = None
    message_id: str | None = None
    envelope_id: str | None = None
    message_id_header: str | None = None
    sender: str | None = None
    status: str | None = None
    permanent: bool | None = None
    diagnostic: str | None = None
    remote_mta: str | None = None
    reported_at: int | None = None

    @property
    def detail(self) -> str | None:
        """What is told about the recipient in one line."""
        return self.diagnostic or self.status


class Reports:
    """Turns reports into events."""

    def __init__(self, publisher: Publisher, public_url: str) -> None:
        self._publisher = publisher
        self._public_url = public_url

    def draft_news(self, tx: Tx, outcome: ReportedOutcome) -> NewEvent | None:
        """Apply an outcome to its mail; returns the event, which is yet to be published.

        None: of a recipient of ours as much or more was known already, for delivery reports, logs
        and notifications overlap.

        Raises:
            NotFound: the mail that is named does not exist.
            Invalid: nothing tells which mail it is about.
        """
        message = _find(tx, outcome)
        if message is not None and message.direction == "outbound":
            known = find_recipient(submissions.of_message(tx, message.seq), outcome.recipient)
            status = outcome.event_type.removeprefix("message.")
            if known is not None and rank(status) <= rank(known.status):
                return None
        return self._draft(tx, outcome, message)

    def apply(self, tx: Tx, outcome: ReportedOutcome) -> Published:
        """Record an outcome as an event, known or not; a unit of work, or part of a larger one.

        Raises the errors of `draft_news`.
        """
        new = self._draft(tx, outcome, _find(tx, outcome))
        (published,) = self._publisher.publish_all(tx, [new])
        return published

    def _draft(self, tx: Tx, outcome: ReportedOutcome, message: Message | None) -> NewEvent:
        detail = _detail(outcome, tx.now)
        if message is None:
            return _draft_foreign(tx, outcome, detail)
        if message.direction == "outbound":
            message = _note_recipient(tx, message, outcome)
        message = _advance(tx, message, outcome.event_type)
        payload = resources.message(message, self._public_url)
        if detail:
            payload["delivery"] = detail
        return NewEvent(outcome.event_type, payload, message.inbox_id, message.id)


def _draft_foreign(tx: Tx, outcome: ReportedOutcome, detail: dict[str, Any]) -> NewEvent:
    """Report mail that did not pass through here."""
    if outcome.sender is None or outcome.recipient is None:
        raise Invalid(
            "name the mail by messageId, envelopeId or messageIdHeader, or give from and recipient",
            code="message_not_named",
        )
    payload: dict[str, Any] = {"from": outcome.sender, "to": [outcome.recipient]}
    if detail:
        payload["delivery"] = detail
    inbox = inboxes.find_address_in(tx, normalise(outcome.sender))
    return NewEvent(outcome.event_type, payload, inbox.id if inbox else None)


def find_recipient(recipients: list[Recipient], *named: str | None) -> Recipient | None:
    """Return the recipient of a message that a report names, by any of the names it gives.

    The only recipient of a message is meant by whatever name: mail is forwarded, and reports name
    where it ended.
    """
    keys = [normalise(name) for name in named if name]
    for key in keys:
        for each in recipients:
            if each.address == key:
                return each
    return recipients[0] if len(recipients) == 1 else None


def _note_recipient(tx: Tx, message: Message, outcome: ReportedOutcome) -> Message:
    """Note an outcome with the recipient it is about; returns the message as it is then."""
    if outcome.event_type == events.MESSAGE_SENT and outcome.recipient is None:
        return message
    recipient = find_recipient(submissions.of_message(tx, message.seq), outcome.recipient)
    if recipient is None:
        return message
    status = outcome.event_type.removeprefix("message.")
    if rank(status) > rank(recipient.status):
        submissions.decide(tx, message.seq, recipient.position, status, outcome.detail)
    if outcome.event_type == events.MESSAGE_COMPLAINED:
        suppressions.add(tx, recipient.address, "complained", message.id)
    elif outcome.event_type == events.MESSAGE_BOUNCED and _is_hard(outcome):
        suppressions.add(tx, recipient.address, "bounced", message.id)
    return messages.find_in(tx, message.id) or message


def _is_hard(outcome: ReportedOutcome) -> bool:
    """Say whether the address itself is to blame: not when a server only gave up on 4.x.x.

    Who says that it is not permanent knows better than the code: full mailboxes have 5.2.2.
    """
    if outcome.status is None or outcome.permanent is False:
        return outcome.permanent is True
    return outcome.status.startswith("5")


def _find(tx: Tx, outcome: ReportedOutcome) -> Message | None:
    """Find the mail an outcome names; None when it names none."""
    identifier = outcome.message_id or outcome.envelope_id
    if identifier is not None:
        message = messages.find_in(tx, identifier)
    elif outcome.message_id_header is not None:
        header = outcome.message_id_header.strip().removeprefix("<").removesuffix(">")
        message = messages.find_by_external_id(tx, header)
        if message is not None and message.direction == "inbound":
            message = None  # the same mail on its way elsewhere: not the copy that we were given
        if message is None and outcome.sender and outcome.recipient:
            return None
    else:
        return None
    if message is None:
        raise NotFound("message")
    return message


def _advance(tx: Tx, message: Message, event_type: str) -> Message:
    """Move the status of a mail we sent forwards, never backwards."""
    status = event_type.removeprefix("message.")
    if message.direction == "inbound" or _rank(status) <= _rank(message.status):
        return message
    return messages.set_status(tx, message, status)


def _rank(status: str) -> int:
    """Return how far a status is; what comes before sending is below all that can be reported."""
    return _STATUS_ORDER.index(status) if status in _STATUS_ORDER else -1


def _detail(outcome: ReportedOutcome, now: int) -> dict[str, Any]:
    """Render ``payload.delivery``; empty for an event that needs none."""
    action = _ACTIONS.get(outcome.event_type)
    if action is None:
        return {}
    permanent = outcome.permanent
    if permanent is None and action == "failed":
        permanent = not (outcome.status or "5").startswith("4")
    fields = {
        "recipient": outcome.recipient,
        "action": action,
        "status": outcome.status,
        "permanent": permanent,
        "diagnostic": outcome.diagnostic,
        "remoteMta": outcome.remote_mta,
        "reportedAt": iso(now if outcome.reported_at is None else outcome.reported_at),
    }
    return {name: value for name, value in fields.items() if value is not None}
