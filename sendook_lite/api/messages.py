"""Handlers of messages: found, shown, as they came, what was attached, labelled, deleted."""

import asyncio
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.downloads import content_disposition, media_type
from sendook_lite.api.moments import Moment
from sendook_lite.api.pages import ListQuery, listing
from sendook_lite.api.schemas import ChangeMessage
from sendook_lite.domain import resources
from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.mail import extract_attachment
from sendook_lite.domain.model import Message
from sendook_lite.domain.search_words import query_terms
from sendook_lite.store import blobs, messages
from sendook_lite.store.messages import Period
from sendook_lite.store.search import Filters

SEARCH_HEADER: Final = "Sendook-Search"
_SANDBOX: Final = "sandbox; default-src 'none'"
"""Should a browser show an attachment in spite of everything, then without scripts or origin."""


class MessagesQuery(ListQuery):
    """Which messages; without any of this all of them."""

    query: str | None = None
    label: str | None = None
    from_: Annotated[str | None, Field(alias="from")] = None
    since: Moment | None = None
    until: Moment | None = None


async def list_messages(call: Call[MessagesQuery, None]) -> Answer:
    """Show messages of an inbox, newest first; those that match what is asked for.

    The header ``Sendook-Search: incomplete`` says that some mail was not looked at: the index is
    still being filled, or cannot be written.
    """
    context, query = call.context, call.query
    inbox = await context.inboxes.get(call.path["inbox_id"])
    filters = Filters(
        terms=None if query.query is None else query_terms(query.query),
        label=query.label,
        sender=query.from_,
        period=Period(query.since, query.until),
    )
    page, complete = await context.mailbox.find(inbox, filters, query.limit, query.before)

    def show(message: Message) -> resources.Resource:
        return resources.message(message, context.public_url)

    found = listing(call.request, context.public_url, page, show)
    if not complete:
        found.headers[SEARCH_HEADER] = "incomplete"
    return found


async def get_message(call: Call[None, None]) -> Answer:
    """Show a message."""
    return resources.message(await _find(call), call.context.public_url)


async def change_message(call: Call[None, ChangeMessage]) -> Answer:
    """Replace the labels of a message."""
    path, context = call.path, call.context
    labels = tuple(call.body.labels)
    message = await context.mailbox.label(path["inbox_id"], path["message_id"], labels)
    return resources.message(message, context.public_url)


async def delete_message(call: Call[None, None]) -> Answer:
    """Remove a message; the answer is the last that is seen of it."""
    path, context = call.path, call.context
    message = await context.mailbox.delete(path["inbox_id"], path["message_id"])
    return resources.message(message, context.public_url)


async def get_raw(call: Call[None, None]) -> Answer:
    """Send a message as it came or went, byte for byte."""
    message = await _find(call)
    reader = call.context.store.reader
    content = await messages.blob_of(reader, message)
    left = await blobs.size(reader, content)
    response = web.StreamResponse(
        headers={
            "Content-Type": "message/rfc822",
            "Content-Disposition": content_disposition(f"{message.id}.eml"),
            "Content-Security-Policy": _SANDBOX,
            "Content-Length": str(left),
        }
    )
    await response.prepare(call.request)
    if call.request.method != "HEAD":
        async for chunk in blobs.chunks(reader, content):
            await response.write(chunk)
            left -= len(chunk)
        if left:
            raise NotFound("message")  # removed meanwhile; the connection ends, so that it shows
    await response.write_eof()
    return response


async def get_attachment(call: Call[None, None]) -> Answer:
    """Send an attachment, always to be saved and never to be shown."""
    message = await _find(call)
    wanted = call.path["attachment_id"]
    info = next((each for each in message.content.attachments if each.id == wanted), None)
    if info is None:
        raise NotFound("attachment")
    reader = call.context.store.reader
    raw = await blobs.read(reader, await messages.blob_of(reader, message))
    data = await asyncio.to_thread(extract_attachment, raw, info.part)
    if data is None:
        raise NotFound("attachment")
    return web.Response(
        body=data,
        headers={
            "Content-Type": media_type(info.content_type),
            "Content-Disposition": content_disposition(info.name),
            "Content-Security-Policy": _SANDBOX,
        },
    )


async def _find(call: Call[None, None]) -> Message:
    """Return the message of the path; it is reached only through its own inbox."""
    inbox = await call.context.inboxes.get(call.path["inbox_id"])
    return await messages.get(call.context.store.reader, inbox.id, call.path["message_id"])
