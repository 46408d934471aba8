"""What becomes of errors that no request can cause at will."""

import asyncio
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from structlog.testing import capture_logs

from sendook_lite.api.call import Answer, Call
from sendook_lite.api.middleware import is_api
from sendook_lite.api.routes import Route
from sendook_lite.api.server import add_routes, build
from sendook_lite.domain.errors import (
    Conflict,
    SendookError,
    StoreFailed,
    TooMany,
    Unavailable,
)
from tests.api.asking import assert_envelope
from tests.api.conftest import Api, Reply, serve


def test_only_v1_belongs_to_the_api() -> None:
    assert [is_api(path) for path in ("/v1", "/v1/x", "/v1x", "/", "/health")] == [
        True, True, False, False, False,
    ]  # fmt: skip


class _UnknownError(SendookError):
    """Nothing that the table knows."""


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (Conflict("taken", "It is taken"), 409, None),
        (TooMany("slow_down", "Too many", 17), 429, ("Retry-After", "17")),
        (Unavailable("disk_full", "The disk is nearly full"), 503, ("Retry-After", "5")),
        (StoreFailed("the disk is full"), 503, ("Retry-After", "5")),
    ],
)
async def test_errors_become_their_status(
    api: Api, error: SendookError, status: int, header: tuple[str, str] | None
) -> None:
    async def fail(_call: Call[None, None]) -> Answer:
        raise error

    reply = await _call_route(api, Route("GET", "/fail", fail, "", "", None))
    assert_envelope(reply, status, error.code)
    if header is not None:
        assert reply.headers[header[0]] == header[1]


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("a secret"), _UnknownError("odd", "a secret"), BrokenPipeError("x")]
)
async def test_an_unexpected_error_is_logged_once_and_told_without_detail(
    api: Api, error: Exception
) -> None:
    async def fail(_call: Call[None, None]) -> Answer:
        raise error

    with capture_logs() as logged:
        reply = await _call_route(api, Route("GET", "/fail", fail, "", "", None))
    assert_envelope(reply, 500, "internal_error")
    assert reply.json["error"] == "Internal error"
    assert b"secret" not in reply.raw
    (entry,) = logged
    assert entry["exc_info"] is error
    assert entry["request_id"] == reply.json["requestId"] == reply.headers["X-Request-Id"]


async def test_an_answer_that_cannot_be_rendered_is_an_internal_error(api: Api) -> None:
    async def odd(_call: Call[None, None]) -> Answer:
        return {"odd": object()}

    with capture_logs() as logged:
        reply = await _call_route(api, Route("GET", "/fail", odd, "", "", None))
    assert_envelope(reply, 500, "internal_error")
    assert len(logged) == 1


async def test_a_keyed_route_outside_v1_stays_shut(api: Api) -> None:
    async def shown(_call: Call[None, None]) -> Answer:
        return {"shown": True}

    reply = await _call_route(api, Route("GET", "/elsewhere", shown, "", ""))
    assert_envelope(reply, 401)


async def test_a_parameter_that_is_no_id_is_taken_as_it_is(api: Api) -> None:
    async def echo(call: Call[None, None]) -> Answer:
        return dict(call.path)

    reply = await _call_route(
        api, Route("GET", "/named/{name}", echo, "", "", None), "/named/a%20b"
    )
    assert reply.json == {"name": "a b"}


async def test_a_client_that_went_away_is_no_error(api: Api) -> None:
    left = asyncio.Event()

    async def wait(call: Call[None, None]) -> Answer:
        try:
            while call.request.transport is not None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            raise ConnectionResetError("gone")
        finally:
            left.set()

    app = build(api.context)
    add_routes(app, api.context, (Route("GET", "/wait", wait, "", "", None),))
    url, site = await serve(app)
    api.sites.append(site)
    with capture_logs() as logged:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        writer.close()
        await left.wait()
        assert await reader.read() == b""
        await asyncio.sleep(0.01)
    assert logged == []


@pytest.mark.parametrize("started", [False, True])
async def test_an_error_above_everything_is_logged_and_told_without_detail(
    api: Api, *, started: bool
) -> None:
    error = ZeroDivisionError("a secret")

    @web.middleware
    async def fail(request: web.Request, handler: Handler) -> web.StreamResponse:
        del handler
        if started:
            response = web.StreamResponse(headers={"Content-Length": "10"})
            await response.prepare(request)
            await response.write(b"begin")
        raise error

    app = build(api.context)
    app.middlewares.insert(0, cast("Middleware", fail))
    api.url, site = await serve(app)
    api.sites.append(site)
    with capture_logs() as logged:
        if started:
            with pytest.raises(aiohttp.ClientPayloadError):
                await api.call("GET", "/health")
        else:
            reply = await api.call("GET", "/health")
            assert_envelope(reply, 500, "internal_error")
            assert b"secret" not in reply.raw
    assert [entry["exc_info"] for entry in logged] == [error]


async def test_an_answer_that_cannot_be_sent_is_logged(api: Api) -> None:
    error = ZeroDivisionError("odd")

    async def fail(_request: web.Request, _response: web.StreamResponse) -> None:
        raise error

    app = build(api.context)
    app.on_response_prepare.append(fail)
    api.url, site = await serve(app)
    api.sites.append(site)
    with capture_logs() as logged, pytest.raises(aiohttp.ServerDisconnectedError):
        await api.call("POST", "/webhooks/test")
    assert [entry["exc_info"] for entry in logged if entry["log_level"] == "error"] == [error]


async def _call_route(api: Api, route: Route, path: str | None = None) -> Reply:
    app = build(api.context)
    add_routes(app, api.context, (route,))
    url, site = await serve(app)
    api.sites.append(site)
    api.url = url
    return await api.call("GET", path or route.path)
