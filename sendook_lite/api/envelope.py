"""The one table from errors to HTTP, and the one shape in which every error is told.

``{"error","message","code"[,"errors"][,"requestId"]}``; ``error`` and ``message`` are equal, since
existing clients read either.
"""

from typing import Any, Final

import orjson
from aiohttp import web

from sendook_lite.domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    SendookError,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
)
from sendook_lite.usecases.idempotency import AlreadyDone, KeyInUse
from sendook_lite.usecases.inboxes import InvalidDomain
from sendook_lite.usecases.send_limit import Allowance, TooManySends

JSON_TYPE: Final = "application/json; charset=utf-8"
INTERNAL_STATUS: Final = 500

STATUSES: Final[dict[type[SendookError], int]] = {
    Invalid: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    InvalidDomain: 404,
    Conflict: 409,
    TooLarge: 413,
    TooMany: 429,
    Unavailable: 503,
}
"""What is not here, nor below something that is, is an internal error."""

_HTTP_CODES: Final = {
    404: ("route_not_found", "Route not found"),
    405: ("method_not_allowed", "Method not allowed"),
    413: ("body_too_large", "The body is too large"),
    417: ("expectation_failed", "The only expectation met here is 100-continue"),
}
_RETRY_AFTER_UNAVAILABLE: Final = "5"
_SECRET_FIELDS: Final = frozenset({"secret", "headers", "key"})
_MAX_ECHOED: Final = 200


def status_of(error: SendookError) -> int | None:
    """Return the HTTP status of an error; None for one that nobody is to see."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return None


def respond(error: SendookError, status: int) -> web.Response:
    """Tell a caller about an error."""
    document = describe(error.code, error.message)
    if isinstance(error, Invalid) and error.errors:
        document["errors"] = [_field(each) for each in error.errors]
    if isinstance(error, AlreadyDone) and error.made is not None:
        document["id"] = error.made
    response = web.Response(body=orjson.dumps(document), status=status)
    response.headers["Content-Type"] = JSON_TYPE
    if isinstance(error, TooManySends):
        response.headers.update(rate_limit_headers(error.allowance))
    match error:
        case Unauthorized():
            response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, section 11.6.1
        case TooMany() | KeyInUse():
            response.headers["Retry-After"] = str(error.retry_after)
        case Unavailable():
            response.headers["Retry-After"] = _RETRY_AFTER_UNAVAILABLE
        case TooLarge():
            response.force_close()  # the rest of the body is not wanted
        case _:
            pass
    return response


def rate_limit_headers(allowance: Allowance) -> dict[str, str]:
    """Tell how much may still be sent, and in how many seconds the count begins anew."""
    return {
        "RateLimit-Limit": str(allowance.limit),
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(allowance.reset_seconds),
    }


def respond_http(error: web.HTTPException) -> web.Response:
    """Tell a caller about an error that the HTTP library found: no such route, wrong method."""
    code, message = _HTTP_CODES.get(error.status, ("bad_request", error.reason))
    response = web.Response(body=orjson.dumps(describe(code, message)), status=error.status)
    response.headers["Content-Type"] = JSON_TYPE
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return response


def respond_internal(request_id: str) -> web.Response:
    """Tell a caller that something went wrong here, and under which id the log knows it."""
    document = {**describe("internal_error", "Internal error"), "requestId": request_id}
    response = web.Response(body=orjson.dumps(document), status=INTERNAL_STATUS)
    response.headers["Content-Type"] = JSON_TYPE
    return response


def describe(code: str, message: str) -> dict[str, Any]:
    """Render what every error has."""
    return {"error": message, "message": message, "code": code}


def _field(error: FieldError) -> dict[str, Any]:
    document = {
        "type": "field",
        "path": error.path,
        "location": error.location,
        "msg": error.message,
    }
    if error.value is not None and error.path.partition(".")[0] not in _SECRET_FIELDS:
        echoed = _bounded(error.value)
        if echoed is not None:
            document["value"] = echoed
    return document


def _bounded(value: Any) -> Any:
    """Return a value that is small enough to be repeated; None for one that is not."""
    if isinstance(value, str):
        return value[:_MAX_ECHOED]
    try:
        return value if len(orjson.dumps(value)) <= _MAX_ECHOED else None
    except orjson.JSONEncodeError:  # nested deeper than it writes, which is less than it reads
        return None
