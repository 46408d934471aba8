"""Handlers of the log of events: the pull side of what webhooks are pushed."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.pages import Limit, Query, listing
from sendook_lite.domain import resources
from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.events import EVENT_TYPES
from sendook_lite.domain.model import Event
from sendook_lite.store import events
from sendook_lite.store.page import DEFAULT_LIMIT
from sendook_lite.usecases.access import Principal

EXPIRED_HEADER: Final = "Sendook-After"


def _known(value: str) -> str:
    if value not in EVENT_TYPES:
        raise ValueError(f"must be one of {', '.join(EVENT_TYPES)}")
    return value


class EventsQuery(Query):
    """Which events, oldest first, and behind which one."""

    after: str | None = None
    type: (
        Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(EVENT_TYPES)})]
        | None
    ) = None
    inbox_id: str | None = None
    limit: Limit = DEFAULT_LIMIT


async def list_events(call: Call[EventsQuery, None]) -> Answer:
    """Show events in the order in which they were committed.

    An ``after`` that is not in the log (any more) starts at its oldest event, and the header
    ``Sendook-After: expired`` says so: a reader that was away for too long is to know.
    """
    query, reader = call.query, call.context.store.reader
    visible = visible_inboxes(call.principal, query.inbox_id)
    page = await events.list_after(
        reader,
        after=query.after,
        limit=query.limit,
        event_type=query.type,
        inbox_ids=visible,
    )
    counts = await events.count_deliveries(reader, page.items)

    def show(event: Event) -> resources.Resource:
        return resources.event(event, counts.get(event.seq, {}))

    found = listing(call.request, call.context.public_url, page, show, "after")
    if query.after is not None and not await events.exists(reader, query.after):
        found.headers[EXPIRED_HEADER] = "expired"
    return found


async def get_event(call: Call[None, None]) -> Answer:
    """Show an event."""
    reader = call.context.store.reader
    event = await events.get(reader, call.path["event_id"])
    if not call.principal.sees(event.inbox_id):
        raise NotFound("event")
    counts = await events.count_deliveries(reader, [event])
    return resources.event(event, counts.get(event.seq, {}))


def visible_inboxes(principal: Principal, wanted: str | None) -> frozenset[str] | None:
    """Return the inboxes whose events are to be shown; None for all, and for those of none."""
    own = principal.inbox_ids if principal.limited else None
    if wanted is None:
        return own
    return frozenset({wanted}) if own is None else own & {wanted}
