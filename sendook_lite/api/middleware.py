"""What every request passes through: an id, the error envelope, and the question who is asking."""

import secrets
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sendook_lite.api import envelope
from sendook_lite.api.context import RequestCounts
from sendook_lite.domain.errors import Forbidden, SendookError, Unauthorized
from sendook_lite.usecases.access import OPERATOR, Access, Principal
from sendook_lite.usecases.sessions import COOKIE, REQUEST_HEADER, Sessions

REQUEST_ID: Final = web.RequestKey("request_id", str)
PRINCIPAL: Final = web.RequestKey("principal", Principal)
REFUSED_BECAUSE: Final = web.RequestKey("refused_because", str)
"""What was said to whoever may not do that; words of ours only."""

SERVER_NAME: Final = "Sendook-Lite"


_STARTED: Final = web.RequestKey("response_started", bool)
_ID_BYTES: Final = 8
_API: Final = "/v1"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
_UNKNOWN: Final = "unknown"

_log = structlog.stdlib.get_logger(__name__)


def new_request_id() -> str:
    """Make an id under which a request is found in the log."""
    return f"req_{secrets.token_hex(_ID_BYTES)}"


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id and turn whatever goes wrong into the envelope."""
    request[REQUEST_ID] = new_request_id()
    try:
        return await handler(request)
    except web.HTTPException as error:
        return envelope.respond_http(error)
    except SendookError as error:
        status = envelope.status_of(error)
        if status is None or _STARTED in request:
            return _answer_unexpected(request, error)
        if isinstance(error, Unauthorized | Forbidden):
            request[REFUSED_BECAUSE] = error.message
        return envelope.respond(error, status)
    except Exception as error:  # noqa: BLE001 - the edge: logged here, once, and told as "internal"
        return _answer_unexpected(request, error)


def counting(requests: RequestCounts) -> Middleware:
    """Return the middleware that counts answers; a stream is counted when it ends.

    A route is named by its pattern, never by what a client wrote, so that what is counted stays
    bounded whatever is asked for.
    """

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = _UNKNOWN if resource is None else resource.canonical.rstrip("/") or "/"
        method = request.method if request.method in _METHODS else _UNKNOWN
        status = "none"  # the client went away, or the answer was cut short
        try:
            response = await handler(request)
            status = f"{response.status // 100}xx"
        finally:
            requests[method, route, status] += 1
        return response

    return count


def _answer_unexpected(request: web.Request, error: Exception) -> web.StreamResponse:
    """Log an error that should not have been, unless only the client went away.

    Raises:
        ConnectionResetError: nothing can be told any more; the connection is closed.
    """
    transport = request.transport
    if isinstance(error, ConnectionError) and (transport is None or transport.is_closing()):
        raise ConnectionResetError("the client went away") from error
    _log.error(
        "request failed",
        request_id=request[REQUEST_ID],
        method=request.method,
        path=request.path,
        exc_info=error,
    )
    if _STARTED in request:
        # Part of an answer is out: ending the connection is the only way to say that it is not all.
        raise ConnectionResetError("the answer was cut short") from error
    return envelope.respond_internal(request[REQUEST_ID])


def authentication(access: Access, sessions: Sessions, *, operator: bool) -> Middleware:
    """Return the middleware that finds out who is asking.

    Everything under ``/v1`` needs a key, routes that do not exist included, so that nobody without
    one learns which exist. ``operator``: whoever gets here is the operator.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if operator:
            request[PRINCIPAL] = OPERATOR
        elif is_api(request.path):
            request[PRINCIPAL] = await _find_principal(request, access, sessions)
        return await handler(request)

    return authenticate


async def _find_principal(request: web.Request, access: Access, sessions: Sessions) -> Principal:
    """Return who is asking: by the key, or by the session of the dashboard.

    A browser sends the cookie by itself. What changes something is therefore only done for pages of
    ours: they send a header that no other site can make a browser send.

    Raises:
        Unauthorized: neither is there, or what is there is worth nothing.
        Forbidden: another site asks.
    """
    token = request.cookies.get(COOKIE)
    if token is None or "Authorization" in request.headers:
        return access.authenticate(_bearer(request))
    strange = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
    changes = request.method not in {"GET", "HEAD"}
    if strange or (changes and REQUEST_HEADER not in request.headers):
        raise Forbidden("A session is for pages of the dashboard only", "cross_site")
    return await sessions.principal(token)


def is_api(path: str) -> bool:
    """Say whether a path belongs to the API proper."""
    return path.startswith(_API) and path[len(_API) : len(_API) + 1] in {"", "/"}


def _bearer(request: web.Request) -> str:
    """Return the key of a request (RFC 6750, section 2.1).

    Raises:
        Unauthorized: when there is none.
    """
    scheme, _, key = request.headers.get("Authorization", "").strip().partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized("Missing API key: send the header Authorization: Bearer <key>")
    if not key.isascii():
        raise Unauthorized("Unknown API key")
    return key


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer carries, just before its head is sent."""
    request[_STARTED] = True
    headers = response.headers
    headers["Server"] = SERVER_NAME
    headers["X-Request-Id"] = request.get(REQUEST_ID) or new_request_id()
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if is_api(request.path):
        headers.setdefault("Cache-Control", "no-store")
