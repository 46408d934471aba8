"""Builds the web application from the table of routes, and the runner that serves it."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler
from aiohttp.web_request import BaseRequest

from sendook_lite.api import envelope
from sendook_lite.api.bodies import MAX_BODY_BYTES
from sendook_lite.api.context import ApiContext
from sendook_lite.api.crowd import Crowd, most_connections
from sendook_lite.api.dispatch import handler_of
from sendook_lite.api.middleware import (
    SERVER_NAME,
    add_headers,
    answer_errors,
    authentication,
    counting,
    new_request_id,
)
from sendook_lite.api.request_log import logging_requests
from sendook_lite.api.routes import DEV_ROUTES, ROUTES, Route

__all__ = ["ApiContext", "add_routes", "build", "runner"]

KEEPALIVE_SECONDS: Final = 75.0
LINGER_SECONDS: Final = 10.0
"""How long the rest of a refused body is read and thrown away, so that the answer gets through."""

_log = structlog.stdlib.get_logger(__name__)


def build(context: ApiContext, *, operator: bool = False) -> web.Application:
    """Build the application.

    ``operator``: for the admin socket, where every request is the operator's and no key is needed.
    """
    app = web.Application(
        middlewares=[
            counting(context.requests),
            logging_requests(context.settings.server.trusted_proxies),
            answer_errors,
            authentication(context.access, context.sessions, operator=operator),
        ],
        client_max_size=MAX_BODY_BYTES,
    )
    app.on_response_prepare.append(add_headers)
    add_routes(app, context, (*ROUTES, *DEV_ROUTES) if context.dev else ROUTES)
    return app


def add_routes(app: web.Application, context: ApiContext, routes: tuple[Route, ...]) -> None:
    """Add routes, each with and without a final slash; whatever answers GET answers HEAD."""
    ordered = sorted(routes, key=lambda route: route.path)
    for path, group in groupby(ordered, key=lambda route: route.path):
        handlers = _handlers(group, context)
        for spelling in (path, f"{path}/"):
            resource = app.router.add_resource(spelling)
            for method, handler in handlers.items():
                resource.add_route(method, handler, expect_handler=_answer_expectation)


def _handlers(routes: Iterable[Route], context: ApiContext) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {route.method: handler_of(route, context) for route in routes}
    if "GET" in handlers:
        handlers["HEAD"] = handlers["GET"]
    return handlers


async def _answer_expectation(request: web.Request) -> None:
    """Ask for the body of a client that waits (RFC 9110, section 10.1.1).

    Not for one that is too large: its client is told so before it sends anything. Other
    expectations are ignored, as the section allows.
    """
    waits = request.headers["Expect"].lower() == "100-continue"
    if waits and request.version >= HttpVersion11:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            return
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # nothing of the answer itself is out yet


def runner(app: web.Application, *, shutdown_timeout: float = 15.0) -> web.AppRunner:
    """Return the runner of an application; ``shutdown_timeout`` in seconds.

    Handlers are not cancelled when a client goes away: what they committed has still to be
    announced to the scheduler.
    """
    return _Runner(
        app,
        access_log=None,
        handler_cancellation=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
        lingering_time=LINGER_SECONDS,
        shutdown_timeout=shutdown_timeout,
    )


class _Protocol(web.RequestHandler):
    """A connection whose errors below the application have the envelope as well."""

    __slots__ = ("_crowd",)

    def __init__(self, manager: web.Server, crowd: Crowd, **options: Any) -> None:
        super().__init__(manager, **options)
        self._crowd = crowd

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the others, which may be one too many."""
        super().connection_made(transport)
        self._crowd.join(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room."""
        self._crowd.leave(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the library's words, with bytes of the request
    ) -> web.StreamResponse:
        """Answer a request that is not HTTP, or an error while an answer was being prepared."""
        if isinstance(exc, ConnectionError):
            raise exc  # nobody is there to be told, or all that could be was: ends the connection
        request_id = new_request_id()
        if status == HTTPStatus.BAD_REQUEST:
            malformed = envelope.describe("malformed_request", "The request is not valid HTTP")
            response = web.json_response(malformed, status=status)
        else:
            _log.error("request failed", request_id=request_id, exc_info=exc)
            if request.writer.output_size > 0:
                raise ConnectionResetError("the answer was cut short")
            response = envelope.respond_internal(request_id)
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Server"] = SERVER_NAME
        response.force_close()
        return response

    def log_exception(self, *_args: Any, exc_info: Any = None, **_details: Any) -> None:
        """Log what ended a connection, unless it was a body coded wrongly that nobody had read."""
        if not isinstance(exc_info, web.RequestPayloadError | HttpProcessingError):
            _log.error("connection failed", exc_info=exc_info)

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; an expectation that failed is told before any middleware runs."""
        if isinstance(resp, web.HTTPException):
            resp = envelope.respond_http(resp)
        return await super().finish_response(request, resp, start_time)


class _Server(web.Server):
    """Makes such connections."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._crowd = Crowd(most_connections())

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, self._crowd, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """Runs an application on such connections."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            **server._kwargs,  # noqa: SLF001 - what the application added to the runner's own
        )
