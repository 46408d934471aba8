"""The log as pages: a list that is searched and followed, and one event with what came of it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sendook_lite.dashboard.view import Page, View
from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.events import EVENT_TYPES, payload_of
from sendook_lite.domain.ids import is_id
from sendook_lite.domain.model import Attempt, Delivery, Event, Webhook
from sendook_lite.store import attempts, deliveries, event_search, events, messages, webhooks

PAGE: Final = 50
MAX_TEXT: Final = 200
_DELIVERIES_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Summary:
    """An event on one line."""

    event: Event
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Story:
    """A delivery, where it goes, and its attempts, oldest first."""

    delivery: Delivery
    webhook: Webhook
    attempts: list[Attempt]


def summarise(event: Event) -> Summary:
    """Say in a few words what an event is about."""
    payload = payload_of(event.body)
    if event.type.startswith("inbox."):
        return Summary(event, str(payload.get("name") or payload.get("email", "")), "")
    report = payload.get("delivery")
    if isinstance(report, dict):
        status = " ".join(str(report[name]) for name in ("status", "diagnostic") if name in report)
        return Summary(event, str(report.get("recipient", "")), status)
    outgoing = event.type != "message.received"
    who = payload.get("to") if outgoing else [payload.get("from", "")]
    names = ", ".join(map(str, who[:2])) if isinstance(who, list) else ""
    if "subject" not in payload:  # of mail that was not sent from here nothing more is known
        return Summary(event, names, "")
    subject = str(payload["subject"] or "(no subject)")
    return Summary(event, subject, f"to {names}" if outgoing and names else names)


async def show_list(view: View) -> Page:
    """Show events, newest first, by type, inbox and text."""
    chosen = [kind for kind in view.query.get("type", "").split(",") if kind in EVENT_TYPES]
    text = view.query.get("q", "").strip()[:MAX_TEXT]
    inbox = view.query.get("inbox", "")
    before = view.query.get("before") or None
    own = view.principal.inbox_ids if view.principal.limited else None
    if is_id(inbox):
        own = frozenset({inbox}) if own is None else own & {inbox}
    found = await event_search.newest(
        view.reader, limit=PAGE, before=before, types=chosen, inbox_ids=own, text=text
    )
    counts = await events.count_deliveries(view.reader, found.events) if found.events else {}
    query = {
        name: value
        for name, value in (("q", text), ("type", ",".join(chosen)), ("inbox", inbox))
        if value
    }
    data: dict[str, Any] = {
        "rows": [summarise(event) for event in found.events],
        "counts": counts,
        "before": found.before,
        "first": before is None,
        "types": EVENT_TYPES,
        "chosen": chosen,
        "text": text,
        "inbox": inbox,
        "query": query,
        "looked": event_search.LOOKED_THROUGH,
    }
    return Page("events.html", data)


async def show_one(view: View) -> Page:
    """Show an event: its body, its deliveries with their attempts, and what it belongs to."""
    event = await events.get(view.reader, view.path["event_id"])
    if not view.principal.sees(event.inbox_id):
        raise NotFound("event")
    data: dict[str, Any] = {"summary": summarise(event), "event": event, "message": None}
    if event.inbox_id is not None and event.message_id is not None:
        with suppress(NotFound):  # removed since; the event still tells what it was
            data["message"] = await messages.get(view.reader, event.inbox_id, event.message_id)
    data["stories"] = [] if view.principal.limited else await stories(view, event)
    return Page("event.html", data)


async def stories(view: View, event: Event) -> list[Story]:
    """Return what became of an event at each webhook."""
    page = await deliveries.list_page(view.reader, limit=_DELIVERIES_SHOWN, event_id=event.id)
    return [
        Story(
            delivery,
            await webhooks.get(view.reader, delivery.webhook_id),
            await attempts.list_of_delivery(view.reader, delivery),
        )
        for delivery in page.items
    ]
