"""From a request to a handler's call and back: scope, path, query, body; then the answer."""

from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from sendook_lite.api.bodies import read_body
from sendook_lite.api.call import NOBODY, Answer, Call
from sendook_lite.api.context import ApiContext
from sendook_lite.api.envelope import JSON_TYPE
from sendook_lite.api.idempotency import KEY_HEADER, answer_once
from sendook_lite.api.middleware import PRINCIPAL
from sendook_lite.api.pages import Listing, Part
from sendook_lite.api.routes import Route
from sendook_lite.api.validation import validate
from sendook_lite.domain.errors import Forbidden, NotFound, Unauthorized
from sendook_lite.domain.ids import is_id
from sendook_lite.usecases.access import Principal

_STORING = frozenset({"POST", "PATCH"})
_ID_SUFFIX = "_id"


def handler_of(route: Route, context: ApiContext) -> Handler:
    """Return the function that answers the requests of a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = _authorize(route, request)
        path = _read_path(request, principal)
        query = None
        if route.query is not None:
            given = {name: value for name, value in request.query.items() if value}
            query = validate(route.query, given, "query")
        if route.scope is not None and route.method in _STORING:
            context.ensure_room()
        body = None if route.body is None else await read_body(request, route.body)
        call: Call[Any, Any] = Call(context, request, principal, path, query, body)

        async def answer() -> web.StreamResponse:
            return _render(await route.handler(call), route.status)

        if route.method == "POST" and route.scope is not None and KEY_HEADER in request.headers:
            return await answer_once(
                context.idempotency, request, principal, answer, secret=route.secret_answer
            )
        return await answer()

    return handle


def _authorize(route: Route, request: web.Request) -> Principal:
    """Return who asks, once it is clear that they may.

    Raises:
        Unauthorized: nobody in particular asks. Only a fault in the middlewares leads here.
        Forbidden: the key's scopes, or its limitation to some inboxes, forbid it.
    """
    if route.scope is None:
        return NOBODY
    principal: Principal | None = request.get(PRINCIPAL)
    if principal is None:
        raise Unauthorized("Missing API key: send the header Authorization: Bearer <key>")
    if route.scope not in principal.scopes:
        raise Forbidden(f"This needs an API key with the scope {route.scope}", "scope_missing")
    if route.whole and principal.limited:
        raise Forbidden("This API key is limited to some inboxes", "key_limited")
    return principal


def _read_path(request: web.Request, principal: Principal) -> dict[str, str]:
    """Return the parameters of the path.

    Raises:
        NotFound: an id is malformed, or of an inbox that does not exist for this principal.
    """
    path = dict(request.match_info)
    for name, value in path.items():
        if not name.endswith(_ID_SUFFIX):
            continue
        hidden = name == "inbox_id" and not principal.sees(value)
        if hidden or not is_id(value):
            raise NotFound(name.removesuffix(_ID_SUFFIX).replace("_", " "))
    return path


def _render(answer: Answer, status: int) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        return answer
    headers = {"Content-Type": JSON_TYPE}
    if isinstance(answer, Listing):
        body = orjson.dumps(answer.items)
        headers |= answer.headers
    elif isinstance(answer, Part):
        body = orjson.dumps(answer.resource)
        headers |= answer.headers
    else:
        body = orjson.dumps(answer)
    return web.Response(body=body, status=status, headers=headers)
