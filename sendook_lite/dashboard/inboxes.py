"""Inboxes as pages: all of them, and one with its conversations."""

from typing import Any, Final

from sendook_lite.dashboard.view import Page, View
from sendook_lite.domain.search_words import query_terms
from sendook_lite.store import threads
from sendook_lite.store.page import MAX_LIMIT
from sendook_lite.store.search import Filters

PAGE: Final = 50
MAX_TEXT: Final = 200


async def show_list(view: View) -> Page:
    """Show inboxes, newest first; to a limited key its own."""
    page = await view.context.inboxes.page(
        PAGE, view.query.get("before") or None, view.principal.inbox_ids
    )
    data: dict[str, Any] = {
        "rows": page.items,
        "before": page.items[-1].id if page.more else None,
        "domains": await served(view),
    }
    return Page("inboxes.html", data)


async def served(view: View) -> list[str]:
    """Return the domains whose mail is taken: those of the settings, then those verified since."""
    added = await view.context.domains.page(MAX_LIMIT, None)
    verified = [each.domain.name for each in added.items if each.domain.verified_at is not None]
    return list(dict.fromkeys([*view.context.settings.inbound.domains, *verified]))


async def show_one(view: View) -> Page:
    """Show an inbox and its messages, newest first."""
    inbox = await view.context.inboxes.get(view.path["inbox_id"])
    text = view.query.get("q", "").strip()[:MAX_TEXT]
    label = view.query.get("label", "")
    filters = Filters(query_terms(text) if text else None, label or None)
    before = view.query.get("before") or None
    page, complete = await view.context.mailbox.find(inbox, filters, PAGE, before)
    counts = await threads.count_messages(view.reader, {each.thread_id for each in page.items})
    data: dict[str, Any] = {
        "inbox": inbox,
        "rows": page.items,
        "text": text,
        "label": label,
        "query": {name: value for name, value in (("q", text), ("label", label)) if value},
        "complete": complete,
        "counts": counts,
        "before": page.items[-1].id if page.more else None,
        "relay": bool(view.context.settings.relay.url),
    }
    return Page("inbox.html", data)
