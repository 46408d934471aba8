"""Reports: what became of a mail, told by whoever knows, becomes an event about it."""

from dataclasses import dataclass
from typing import Any, Final

from sendook_lite.domain import events, resources
from sendook_lite.domain.addresses import normalise
from sendook_lite.domain.clock import iso
from sendook_lite.domain.errors import Invalid, NotFound
from sendook_lite.domain.model import Message
from sendook_lite.store import inboxes, messages
from sendook_lite.store.writer import Tx
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


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
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


class Reports:
    """Turns reports into events."""

    def __init__(self, publisher: Publisher, public_url: str) -> None:
        self._publisher = publisher
        self._public_url = public_url

    def apply(self, tx: Tx, outcome: ReportedOutcome) -> Published:
        """Record an outcome as an event; a unit of work, or part of a larger one.

        Raises:
            NotFound: the mail that is named does not exist.
            Invalid: nothing tells which mail it is about.
        """
        detail = _detail(outcome, tx.now)
        message = _find(tx, outcome)
        if message is None:
            return self._report_foreign(tx, outcome, detail)
        message = _advance(tx, message, outcome.event_type)
        payload = resources.message(message, self._public_url)
        if detail:
            payload["delivery"] = detail
        return self._publisher.publish(
            tx,
            outcome.event_type,
            payload,
            inbox_id=message.inbox_id,
            message_id=message.id,
        )

    def _report_foreign(
        self, tx: Tx, outcome: ReportedOutcome, detail: dict[str, Any]
    ) -> Published:
        """Report mail that did not pass through here."""
        if outcome.sender is None or outcome.recipient is None:
            raise Invalid(
                "name the mail by messageId, envelopeId or messageIdHeader, or give from and"
                " recipient",
                code="message_not_named",
            )
        payload: dict[str, Any] = {"from": outcome.sender, "to": [outcome.recipient]}
        if detail:
            payload["delivery"] = detail
        inbox = inboxes.find_address_in(tx, normalise(outcome.sender))
        return self._publisher.publish(
            tx, outcome.event_type, payload, inbox_id=inbox.id if inbox else None
        )


def _find(tx: Tx, outcome: ReportedOutcome) -> Message | None:
    """Find the mail an outcome names; None when it names none."""
    identifier = outcome.message_id or outcome.envelope_id
    if identifier is not None:
        message = messages.find_in(tx, identifier)
    elif outcome.message_id_header is not None:
        header = outcome.message_id_header.strip().removeprefix("<").removesuffix(">")
        message = messages.find_by_external_id(tx, header)
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
