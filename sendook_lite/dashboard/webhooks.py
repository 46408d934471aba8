"""Webhooks as pages: all of them with their health, and one with everything about it."""

from typing import Any, Final

from aiohttp import web

from sendook_lite.dashboard import hours
from sendook_lite.dashboard.view import Page, View
from sendook_lite.domain.errors import Invalid
from sendook_lite.domain.events import EVENT_TYPES
from sendook_lite.domain.model import Attempt
from sendook_lite.store import standings, tally

PAGE: Final = 50
ATTEMPTS: Final = 20
LOOKED_THROUGH: Final = 500
_ENDINGS: Final = ("delivered", "failed")
_CHOICES: Final = {"all": "All", "failed": "Failed", "ok": "Delivered"}


async def show_list(view: View) -> Page:
    """Show webhooks with how they did in the last 24 hours."""
    now = view.context.clock.now()
    page = await view.context.endpoints.page(PAGE, view.query.get("before") or None)
    ended = await tally.endings_of(
        view.reader, [webhook.seq for webhook in page.items], hours.first_hour(now)
    )
    rows = []
    for webhook in page.items:
        bars = hours.day(hours.of_endings(ended.get(webhook.seq, ())), now, _ENDINGS)
        delivered, failed = (hours.total(bars, name) for name in _ENDINGS)
        rows.append((webhook, bars, delivered, failed))
    troubled = await standings.troubled(view.reader, PAGE)
    data: dict[str, Any] = {
        "rows": rows,
        "failing": {each.id for each in troubled if each.status == "enabled"},
        "before": page.items[-1].id if page.more else None,
        "types": EVENT_TYPES,
        "inboxes": (await view.context.inboxes.page(100, None)).items,
        "allow_http": view.context.settings.delivery.allow_http,
        "schedule": view.context.settings.delivery.retry_schedule,
        "timeout": view.context.settings.delivery.timeout,
    }
    return Page("webhooks.html", data)


async def show_one(view: View) -> Page:
    """Show a webhook: how it has done, its attempts, replays and settings."""
    identifier, context = view.path["webhook_id"], view.context
    webhook = await context.endpoints.get(identifier)
    statistics = await context.endpoints.statistics(identifier)
    outcome = view.query.get("outcome", "all")
    made = await context.endpoints.attempts(
        identifier, ATTEMPTS if outcome == "all" else LOOKED_THROUGH
    )
    if outcome != "all":
        made = [each for each in made if is_success(each) == (outcome == "ok")][:ATTEMPTS]
    now = context.clock.now()
    by_hour = hours.of_endings(
        await tally.endings_since(view.reader, hours.first_hour(now), webhook_seq=webhook.seq)
    )
    by_day = hours.of_endings(
        await tally.endings_since(view.reader, hours.first_day(now), hours.DAY_MS, webhook.seq)
    )
    troubled = await standings.troubled(view.reader, PAGE)
    data: dict[str, Any] = {
        "webhook": webhook,
        "statistics": statistics,
        "day": hours.day(by_hour, now, _ENDINGS),
        "month": hours.month(by_day, now, _ENDINGS),
        "attempts": made,
        "outcome": outcome if outcome in _CHOICES else "all",
        "choices": _CHOICES,
        "failing": any(each.id == identifier and each.status == "enabled" for each in troubled),
        "replays": await context.replays.list_of_webhook(identifier),
        "secrets": await context.endpoints.secrets(identifier),
        "types": EVENT_TYPES,
        "inboxes": (await context.inboxes.page(100, None)).items,
        "allow_http": context.settings.delivery.allow_http,
        "schedule": context.settings.delivery.retry_schedule,
        "timeout": context.settings.delivery.timeout,
        "looked": LOOKED_THROUGH,
    }
    return Page("webhook.html", data)


async def check_url(view: View) -> web.StreamResponse:
    """Say whether a URL may be that of a webhook, by the rule that counts when it is made."""
    try:
        view.context.endpoints.judge_url(view.query.get("url", ""))
    except Invalid as error:
        return web.json_response({"problem": error.errors[0].message})
    return web.json_response({"problem": None})


def is_success(attempt: Attempt) -> bool:
    """Say whether an attempt was answered with a 2xx."""
    return attempt.status is not None and 200 <= attempt.status < 300  # noqa: PLR2004
