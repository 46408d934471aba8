"""The log as Server-Sent Events: what webhooks are pushed, for whoever holds a connection open.

The format is that of the HTML standard, section 9.2: ``id`` is the event's, ``event`` its type,
``data`` its body on one line. A reader that comes back with Last-Event-ID misses nothing.
"""

import asyncio
from typing import Annotated, Any, Final

import structlog
from aiohttp import web
from pydantic import BeforeValidator

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.events import EXPIRED_HEADER, visible_inboxes
from sendook_lite.api.pages import Query
from sendook_lite.api.stream_frames import Frames, PlainFrames, SignedFrames
from sendook_lite.api.validation import validate
from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import Forbidden, SendookError
from sendook_lite.domain.events import EVENT_TYPES
from sendook_lite.usecases.tail import Selection, Tail

RETRY_MS: Final = 2000
"""How long a reader waits before it comes back."""
STALL_SECONDS: Final = 60.0
"""A reader that takes nothing of a page for so long loses its stream, and may come back."""

log = structlog.get_logger(__name__)

_LAST_EVENT_ID: Final = "Last-Event-ID"
_HEARTBEAT: Final = b":\n\n"


def _types(value: Any) -> tuple[str, ...]:
    names = tuple(name.strip() for name in str(value).split(",") if name.strip())
    for name in names:
        if name not in EVENT_TYPES:
            raise ValueError(f"must be of {', '.join(EVENT_TYPES)}")
    return names


class StreamQuery(Query):
    """Which events, and behind which one; ``type`` may be repeated or hold commas."""

    after: str | None = None
    type: Annotated[tuple[str, ...], BeforeValidator(_types)] = ()
    inbox_id: str | None = None
    webhook_id: str | None = None


async def stream_events(call: Call[StreamQuery, None]) -> Answer:
    """Send events as they are committed, for as long as somebody listens."""
    request, tails = call.request, call.context.tails
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    )
    response.force_close()
    frames = _frames(call)
    reader = _Reader(request, response, call.context.clock)
    # Nothing is awaited before this: a key that is deleted meanwhile closes the stream.
    tail = tails.open(call.principal.key_id, frames.select, reader)
    try:
        after = request.headers.get(_LAST_EVENT_ID) or call.query.after
        await frames.select()
        await tail.start(after, visible_inboxes(call.principal, call.query.inbox_id))
        if tail.expired:
            response.headers[EXPIRED_HEADER] = "expired"
        await response.prepare(request)
        if request.method != "HEAD":
            await reader.send(_head(tail))
            await _follow(tail, frames, reader)
        await response.write_eof()
    finally:
        tail.close()
    return response


async def _follow(tail: Tail, frames: Frames, reader: "_Reader") -> None:
    try:
        async for page in tail:
            await reader.send(b"".join(map(frames.render, page)) or _HEARTBEAT)
    except SendookError:
        return  # the webhook is gone, or the store fails: told to whoever comes back


def _frames(call: Call[StreamQuery, None]) -> Frames:
    """Return what is sent of an event.

    Raises:
        Forbidden: signatures are more than a key may have that only reads, or only some inboxes.
    """
    context, query, principal = call.context, call.query, call.principal
    repeated = ",".join(call.request.query.getall("type", ()))
    types = validate(StreamQuery, {"type": repeated}, "query").type
    wanted = Selection(
        frozenset(types) if types else None, visible_inboxes(principal, query.inbox_id)
    )
    if query.webhook_id is None:
        return PlainFrames(wanted)
    if "write" not in principal.scopes:
        raise Forbidden("webhookId needs an API key with the scope write", "scope_missing")
    if principal.limited:
        raise Forbidden("This API key is limited to some inboxes", "key_limited")
    return SignedFrames(context.endpoints, query.webhook_id, wanted, context.clock)


def _head(tail: Tail) -> bytes:
    """Render what comes before the first event: where a reader is, should it have to come back."""
    lines = [f"retry: {RETRY_MS}"]
    if tail.expired:
        lines.append(": expired")
    if tail.begins_behind is not None:
        lines.append(f"id: {tail.begins_behind}")
    return ("\n".join(lines) + "\n\n").encode()


class _Reader:
    """Who is at the other end of a stream."""

    def __init__(self, request: web.Request, response: web.StreamResponse, clock: Clock) -> None:
        self._request = request
        self._response = response
        self._clock = clock

    def gone(self) -> bool:
        """Say whether nobody is there any more."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def cut(self) -> None:
        """End the connection if something waits to be taken from it."""
        transport = self._request.transport
        if transport is not None and self._request.protocol.writing_paused:
            transport.abort()

    async def send(self, data: bytes) -> None:
        """Send a page.

        Raises:
            ConnectionError: the connection ended, or was ended since nothing was taken from it.
        """
        done = asyncio.Event()
        writing = asyncio.ensure_future(self._response.write(data))
        writing.add_done_callback(lambda _: done.set())
        try:
            if not await self._clock.wait(done, STALL_SECONDS):
                log.info("a reader took nothing and was cut off", seconds=STALL_SECONDS)
                self.cut()
            await writing
        finally:
            writing.cancel()
