"""Mail as pages: a conversation, one message with all there is to know, and its HTML in a cage."""

from typing import Any, Final

from aiohttp import web

from sendook_lite.dashboard.events import summarise
from sendook_lite.dashboard.mail_html import has_remote_content, sanitise
from sendook_lite.dashboard.view import Page, View
from sendook_lite.store import blobs, event_search, messages, threads

PAGE: Final = 50
MAX_RAW: Final = 256 * 1024
_CAGE: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:{remote}; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self';"
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)


async def show_thread(view: View) -> Page:
    """Show a conversation, oldest message first."""
    inbox = await view.context.inboxes.get(view.path["inbox_id"])
    thread = await threads.get(view.reader, inbox.id, view.path["thread_id"])
    after = view.query.get("after") or None
    page = await messages.page_of_thread(view.reader, thread, PAGE, after)
    data: dict[str, Any] = {
        "inbox": inbox,
        "thread": thread,
        "messages": page.items,
        "after": page.items[-1].id if page.more else None,
        "relay": bool(view.context.settings.relay.url),
    }
    return Page("thread.html", data)


async def show_one(view: View) -> Page:
    """Show a message: text, HTML, headers, source, attachments, and what happened to it."""
    inbox = await view.context.inboxes.get(view.path["inbox_id"])
    message = await messages.get(view.reader, inbox.id, view.path["message_id"])
    story = await event_search.of_message(view.reader, message)
    raw = bytearray()
    async for chunk in blobs.chunks(view.reader, await messages.blob_of(view.reader, message)):
        raw += chunk
        if len(raw) > MAX_RAW:
            break
    data: dict[str, Any] = {
        "inbox": inbox,
        "message": message,
        "story": [summarise(event) for event in story],
        "raw": bytes(raw[:MAX_RAW]).decode("utf-8", "replace"),
        "cut": len(raw) > MAX_RAW,
        "remote": has_remote_content(message.content.html),
        "relay": bool(view.context.settings.relay.url),
    }
    return Page("message.html", data)


async def show_html(view: View) -> web.StreamResponse:
    """Send the HTML of a message to a frame: cleaned, without scripts, origin or remote content.

    ``?remote=1``: pictures and styles from elsewhere are asked for, and the sender may learn of it.
    """
    inbox = await view.context.inboxes.get(view.path["inbox_id"])
    message = await messages.get(view.reader, inbox.id, view.path["message_id"])
    remote = view.query.get("remote") == "1"
    return web.Response(
        text=sanitise(message.content, remote=remote),
        content_type="text/html",
        charset="utf-8",
        headers={
            "Content-Security-Policy": _CAGE.format(remote=" https: http:" if remote else ""),
            "X-Frame-Options": "SAMEORIGIN",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        },
    )
