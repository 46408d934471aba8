"""Events: their nine names, the body a webhook receives, and who wants which of them."""

from collections.abc import Collection
from typing import Any, Final

import orjson

from sendook_lite.domain.clock import iso

INBOX_CREATED: Final = "inbox.created"
INBOX_DELETED: Final = "inbox.deleted"
INBOX_UPDATED: Final = "inbox.updated"
MESSAGE_SENT: Final = "message.sent"
MESSAGE_RECEIVED: Final = "message.received"
MESSAGE_DELIVERED: Final = "message.delivered"
MESSAGE_BOUNCED: Final = "message.bounced"
MESSAGE_COMPLAINED: Final = "message.complained"
MESSAGE_REJECTED: Final = "message.rejected"

EVENT_TYPES: Final = (
    INBOX_CREATED,
    INBOX_DELETED,
    INBOX_UPDATED,
    MESSAGE_SENT,
    MESSAGE_RECEIVED,
    MESSAGE_DELIVERED,
    MESSAGE_BOUNCED,
    MESSAGE_COMPLAINED,
    MESSAGE_REJECTED,
)


def render_body(
    event_type: str,
    event_id: str,
    created_at: int,
    payload: dict[str, Any],
    inbox_id: str | None = None,
    message_id: str | None = None,
) -> bytes:
    """Render the bytes that every attempt, retry and replay of an event sends.

    ``{"event","eventId","createdAt"[,"inboxId"][,"messageId"],"payload"}``; rendered once and
    stored, since a signature is over bytes and two renderings are two bodies.
    """
    body: dict[str, Any] = {
        "event": event_type,
        "eventId": event_id,
        "createdAt": iso(created_at),
    }
    if inbox_id is not None:
        body["inboxId"] = inbox_id
    if message_id is not None:
        body["messageId"] = message_id
    body["payload"] = payload
    return orjson.dumps(body)


def payload_of(body: bytes) -> dict[str, Any]:
    """Return the payload inside a rendered body."""
    payload: dict[str, Any] = orjson.loads(body)["payload"]
    return payload


def wants(
    subscribed: Collection[str],
    inbox_ids: Collection[str],
    event_type: str,
    inbox_id: str | None,
) -> bool:
    """Decide whether a subscription takes an event.

    An empty ``inbox_ids`` takes events of every inbox and of none; a filled one takes only events
    of the inboxes it names.
    """
    if event_type not in subscribed:
        return False
    return not inbox_ids or (inbox_id is not None and inbox_id in inbox_ids)
