"""Adds the dashboard to the web application: who may see a page, and what every page carries."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from sendook_lite.dashboard.assets import get_asset
from sendook_lite.dashboard.context import DashboardContext
from sendook_lite.dashboard.pages import ACTIONS, PAGES, PageRoute
from sendook_lite.dashboard.rendering import render
from sendook_lite.dashboard.signing_in import add_sign_in
from sendook_lite.dashboard.view import Page, View, go_to
from sendook_lite.domain.errors import (
    Forbidden,
    NotFound,
    SendookError,
    Unauthorized,
    Unavailable,
)
from sendook_lite.domain.ids import is_id
from sendook_lite.usecases.access import Principal
from sendook_lite.usecases.sessions import COOKIE, REQUEST_HEADER

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STATUSES: Final[tuple[tuple[type[SendookError], HTTPStatus], ...]] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)

_log = structlog.stdlib.get_logger(__name__)


def add_pages(app: web.Application, context: DashboardContext) -> None:
    """Add every page, the files they link to, and the way in and out."""
    app.router.add_get("/static/{name}", get_asset)
    app.router.add_get("/favicon.ico", _no_icon)
    add_sign_in(app, context, respond)
    for route in PAGES:
        app.router.add_get(route.path, _handler(route, context))
    for route in ACTIONS:
        app.router.add_post(route.path, _handler(route, context))


def respond(page: Page, principal: Principal | None = None) -> web.Response:
    """Render a page with everything around it."""
    body = render(
        page.template,
        who=principal,
        may_write=principal is not None and "write" in principal.scopes,
        may_administer=principal is not None and "admin" in principal.scopes,
        limited=principal is not None and principal.limited,
        **page.data,
    )
    return web.Response(
        text=body, status=page.status, content_type="text/html", charset="utf-8", headers=HEADERS
    )


def _handler(route: PageRoute, context: DashboardContext) -> Handler:
    async def show(request: web.Request) -> web.StreamResponse:
        principal = None
        if not route.public:
            try:
                principal = await context.sessions.principal(request.cookies.get(COOKIE, ""))
            except Unauthorized:
                return _to_sign_in(request)
        try:
            _ensure_allowed(route, request, principal)
            view = View(context, request, principal or _NOBODY)
            answer = await route.show(view)
            return respond(answer, principal) if isinstance(answer, Page) else answer
        except SendookError as error:
            return _tell(error, principal)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: logged here, once
            _log.error("page failed", path=request.path, exc_info=error)
            return _tell(None, principal)

    return show


_NOBODY: Final = Principal(None, frozenset())


def _ensure_allowed(route: PageRoute, request: web.Request, principal: Principal | None) -> None:
    """Judge a request as the API judges it.

    Raises:
        Forbidden: the key's scopes or its limitation forbid it, or a strange site asks.
        NotFound: an id is malformed, or of an inbox that does not exist for this key.
    """
    if principal is None:
        return
    if request.method == "POST" and REQUEST_HEADER not in request.headers:
        raise Forbidden("This has to be asked for by a page of the dashboard", "cross_site")
    if route.scope not in principal.scopes:
        raise Forbidden(f"This needs an API key with the scope {route.scope}", "scope_missing")
    if route.whole and principal.limited:
        raise Forbidden("This API key is limited to some inboxes", "key_limited")
    for name, value in request.match_info.items():
        hidden = name == "inbox_id" and not principal.sees(value)
        if name.endswith("_id") and (hidden or not is_id(value)):
            raise NotFound(name.removesuffix("_id").replace("_", " "))


def _to_sign_in(request: web.Request) -> web.StreamResponse:
    """Send a stranger to the sign-in page.

    Whoever follows a link from another site, such as a mail, comes without the strict cookie: a
    page that loads itself once more brings it.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method == "GET":
        return respond(Page("again.html", {"url": request.rel_url.path_qs}))
    target = request.rel_url.path_qs if request.method == "GET" else "/"
    return go_to(f"/signin?next={quote(target, safe='')}" if target != "/" else "/signin")


def _tell(error: SendookError | None, principal: Principal | None) -> web.Response:
    """Tell a person about an error; None is one that nobody should see."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    for kind, found in _STATUSES:
        if isinstance(error, kind):
            status = found
    shown = None if status == HTTPStatus.INTERNAL_SERVER_ERROR else error
    return respond(Page("error.html", {"error": shown}, status), principal)


async def _no_icon(_request: web.Request) -> web.StreamResponse:
    return go_to("/static/favicon.svg")
