"""The log of attempts at rest."""

from sendook_lite.domain.model import Attempt, Delivery, Webhook
from sendook_lite.store.page import PAGE_BYTES, within
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row

_SELECT = (
    "SELECT attempts.seq, attempts.id, webhooks.id, deliveries.id, events.id, events.inbox_id,"
    " events.message_id, events.body, attempts.number, attempts.trigger, attempts.status,"
    " attempts.error, attempts.response, attempts.duration, attempts.created_at FROM attempts"
    " JOIN deliveries ON deliveries.seq = attempts.delivery_seq"
    " JOIN events ON events.seq = deliveries.event_seq"
    " JOIN webhooks ON webhooks.seq = attempts.webhook_seq"
)


def _attempt(row: Row) -> Attempt:
    return Attempt(*row)


async def list_of_webhook(reader: Reader, webhook: Webhook, limit: int) -> list[Attempt]:
    """Return the last attempts of a webhook, newest first; fewer where their events are long."""
    sizes = await reader.all(
        "SELECT attempts.seq, length(events.body) FROM attempts"
        " JOIN deliveries ON deliveries.seq = attempts.delivery_seq"
        " JOIN events ON events.seq = deliveries.event_seq"
        " WHERE attempts.webhook_seq = ? ORDER BY attempts.seq DESC LIMIT ?",
        (webhook.seq, limit),
    )
    fitting = within(sizes, PAGE_BYTES)
    if not fitting:
        return []
    marks = ", ".join("?" * len(fitting))
    rows = await reader.all(
        f"{_SELECT} WHERE attempts.seq IN ({marks}) ORDER BY attempts.seq DESC", fitting
    )
    return [_attempt(row) for row in rows]


async def list_of_delivery(reader: Reader, delivery: Delivery) -> list[Attempt]:
    """Return the attempts of a delivery, oldest first."""
    rows = await reader.all(
        f"{_SELECT} WHERE attempts.delivery_seq = ? ORDER BY attempts.seq", (delivery.seq,)
    )
    return [_attempt(row) for row in rows]
