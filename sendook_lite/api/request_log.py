"""One line in the log for each request that changed something or was not allowed to."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sendook_lite.api.middleware import PRINCIPAL, REFUSED_BECAUSE, REQUEST_ID
from sendook_lite.domain.client_address import client_address
from sendook_lite.domain.errors import SendookError

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_ALLOWED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_LONGEST_PATH: Final = 200

log = structlog.get_logger(__name__)


def logging_requests(trusted_proxies: Sequence[str]) -> Middleware:
    """Return the middleware that writes the lines.

    Reading is not told, for dashboards and probes read all day; nor are mistakes of clients, who
    have been told themselves. Of a path what stands behind the question mark is left out.
    """

    @web.middleware
    async def log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        allowed = response.status not in _NOT_ALLOWED
        if allowed and (request.method in _SAFE or response.status >= HTTPStatus.BAD_REQUEST):
            return response
        facts: dict[str, object] = {
            "request_id": request.get(REQUEST_ID),
            "method": request.method,
            "path": request.rel_url.raw_path[:_LONGEST_PATH],
            "status": response.status,
        }
        if request.remote:
            facts["client"] = _client(request, trusted_proxies)
        if allowed:
            principal = request.get(PRINCIPAL)
            log.info("a request was done", key=principal and principal.key_id, **facts)
        else:
            log.warning("a request was refused", reason=request.get(REFUSED_BECAUSE), **facts)
        return response

    return log_request


def _client(request: web.Request, trusted_proxies: Sequence[str]) -> str:
    """Return who asked: behind proxies that are trusted, whom they name."""
    peer = request.remote or ""
    try:
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
        return str(client_address(peer, forwarded, trusted_proxies))
    except (SendookError, ValueError):
        return peer
