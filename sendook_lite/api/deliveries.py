"""Handlers of deliveries: what became of each event at each webhook."""

from typing import Annotated, Final, get_args

from pydantic import AfterValidator, Field

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.pages import ListQuery, listing
from sendook_lite.domain import resources
from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Delivery, DeliveryStatus
from sendook_lite.store import attempts, deliveries, events

_STATUSES: Final[tuple[str, ...]] = get_args(DeliveryStatus)


def _known(value: str) -> str:
    if value not in _STATUSES:
        raise ValueError(f"must be one of {', '.join(_STATUSES)}")
    return value


class DeliveriesQuery(ListQuery):
    """Which deliveries."""

    status: (
        Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(_STATUSES)})]
        | None
    ) = None
    webhook_id: str | None = None
    event_id: str | None = None


async def list_deliveries(call: Call[DeliveriesQuery, None]) -> Answer:
    """Show deliveries, newest first; to a limited key those of events of its inboxes."""
    query, principal = call.query, call.principal
    page = await deliveries.list_page(
        call.context.store.reader,
        limit=query.limit,
        before=query.before,
        status=query.status,
        webhook_id=query.webhook_id,
        event_id=query.event_id,
        inbox_ids=principal.inbox_ids if principal.limited else None,
    )
    return listing(call.request, call.context.public_url, page, resources.delivery)


async def get_delivery(call: Call[None, None]) -> Answer:
    """Show a delivery with its attempts, oldest first."""
    delivery = await _visible(call)
    reader = call.context.store.reader
    return resources.delivery(delivery, await attempts.list_of_delivery(reader, delivery))


async def retry_delivery(call: Call[None, None]) -> Answer:
    """Have a delivery attempted once more, now."""
    delivery = await _visible(call)
    return resources.delivery(await call.context.replays.retry(delivery.id))


async def _visible(call: Call[None, None]) -> Delivery:
    """Return the delivery that is named; to a limited key only one of its inboxes' exists."""
    reader = call.context.store.reader
    delivery = await deliveries.get(reader, call.path["delivery_id"])
    if call.principal.limited:
        event = await events.get(reader, delivery.event_id)
        if not call.principal.sees(event.inbox_id):
            raise NotFound("delivery")
    return delivery
