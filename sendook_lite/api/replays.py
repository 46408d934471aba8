"""Handlers of replays: a period of the log, sent again to one webhook."""

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.moments import Moment
from sendook_lite.api.pages import Listing
from sendook_lite.api.schemas import Body
from sendook_lite.api.webhook_schemas import Events
from sendook_lite.domain import resources
from sendook_lite.domain.model import ReplayScope
from sendook_lite.usecases.replay import ReplayRequest


class StartReplay(Body):
    """Which events are to be sent again; both ends of the period are included."""

    since: Moment
    until: Moment | None = None
    events: Events | None = None
    status: ReplayScope = "undelivered"


async def start_replay(call: Call[None, StartReplay]) -> Answer:
    """Start sending a period again."""
    body = call.body
    request = ReplayRequest(
        since=body.since,
        until=body.until,
        events=None if body.events is None else tuple(body.events),
        scope=body.status,
    )
    return resources.replay(await call.context.replays.start(call.path["webhook_id"], request))


async def list_replays(call: Call[None, None]) -> Answer:
    """Show the replays of a webhook, newest first, and how far each has come."""
    found = await call.context.replays.list_of_webhook(call.path["webhook_id"])
    return Listing([resources.replay(each) for each in found])


async def cancel_replay(call: Call[None, None]) -> Answer:
    """End a replay and cancel what of it is pending."""
    path = call.path
    replay = await call.context.replays.cancel(path["webhook_id"], path["replay_id"])
    return resources.replay(replay)
