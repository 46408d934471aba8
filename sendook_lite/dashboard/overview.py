"""The first page: what needs attention, what is happening now, and how it has gone."""

from typing import Any, Final

from sendook_lite.dashboard import hours
from sendook_lite.dashboard.events import summarise
from sendook_lite.dashboard.view import Page, View
from sendook_lite.domain import events as kinds
from sendook_lite.store import event_search, standings, tally, webhooks

LATEST: Final = 12
TROUBLED: Final = 6
_MAIL: Final = {kinds.MESSAGE_RECEIVED: "received", kinds.MESSAGE_SENT: "sent"}
_LOST: Final = {
    kinds.MESSAGE_BOUNCED: "bounced",
    kinds.MESSAGE_REJECTED: "rejected",
    kinds.MESSAGE_COMPLAINED: "complained",
}
_NAMES: Final = ("received", "sent")
_ENDINGS: Final = ("delivered", "failed")


async def show(view: View) -> Page:
    """Show the overview; to a limited key only the last events of its inboxes."""
    own = view.principal.inbox_ids if view.principal.limited else None
    latest = await event_search.newest(view.reader, limit=LATEST, inbox_ids=own)
    data: dict[str, Any] = {"latest": [summarise(event) for event in latest.events]}
    if own is None:
        data |= await _figures(view)
        page = await view.context.inboxes.page(1, None)
        first = await webhooks.list_page(view.reader, 1, None)
        data["steps"] = {
            "inbox": page.items[0] if page.items else None,
            "webhook": first.items[0] if first.items else None,
            "event": bool(latest.events),
        }
    return Page("overview.html", data)


async def _figures(view: View) -> dict[str, Any]:
    now, reader = view.context.clock.now(), view.reader
    day, month = hours.first_hour(now), hours.first_day(now)
    types = await tally.events_since(reader, day)
    types_by_day = await tally.events_since(reader, month, hours.DAY_MS)
    endings = await tally.endings_since(reader, day)
    endings_by_day = await tally.endings_since(reader, month, hours.DAY_MS)
    mail_day = hours.day(hours.of_types(types, _MAIL), now, _NAMES)
    out_day = hours.day(hours.of_endings(endings), now, _ENDINGS)
    lost_day = hours.day(hours.of_types(types, _LOST), now, tuple(_LOST.values()))
    delivered, failed = (hours.total(out_day, name) for name in _ENDINGS)
    health = view.context.health()
    least = view.context.settings.server.min_free_bytes
    return {
        "mail_in": hours.total(mail_day, "received"),
        "mail_out": hours.total(mail_day, "sent"),
        "delivered": delivered,
        "failed": failed,
        "success": delivered / (delivered + failed) if delivered + failed else None,
        "pending": await tally.count_pending(reader),
        "pending_most": tally.PENDING_COUNTED,
        "p95": await tally.p95_ms(reader),
        "charts": {
            "mail": (mail_day, hours.month(hours.of_types(types_by_day, _MAIL), now, _NAMES)),
            "out": (out_day, hours.month(hours.of_endings(endings_by_day), now, _ENDINGS)),
        },
        "troubled": await standings.troubled(reader, TROUBLED),
        "lost": {name: hours.total(lost_day, name) for name in _LOST.values()},
        "health": health,
        "low_disk": health.get("freeBytes", least * 4) < least * 4,
    }
