"""The way in and out: an API key for a session cookie, and back."""

from collections.abc import Callable
from typing import Final

from aiohttp import web
from yarl import URL

from sendook_lite.dashboard.context import DashboardContext
from sendook_lite.dashboard.view import Page, go_to, read_form
from sendook_lite.domain.client_address import client_address
from sendook_lite.domain.errors import Forbidden, TooMany, Unauthorized
from sendook_lite.usecases.sessions import COOKIE, SESSION_SECONDS

MAX_KEY: Final = 512

Respond = Callable[[Page], web.Response]


def add_sign_in(app: web.Application, context: DashboardContext, respond: Respond) -> None:
    """Add the three routes."""

    async def show(request: web.Request) -> web.StreamResponse:
        return respond(_page(_target(request.query.get("next", ""))))

    async def sign_in(request: web.Request) -> web.StreamResponse:
        _ensure_own(request)
        form = await read_form(request)
        key, target = form.get("key", "").strip(), _target(form.get("next", ""))
        try:
            token = await context.sessions.open(
                key[:MAX_KEY] if key.isascii() else "", _address(request, context)
            )
        except Unauthorized:
            return respond(_page(target, "This is no API key of this server.", 401))
        except TooMany as error:
            answer = respond(_page(target, f"{error.message}.", 429))
            answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        response = go_to(target)
        response.set_cookie(
            COOKIE,
            token,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=context.public_url.startswith("https://"),
        )
        return response

    async def sign_out(request: web.Request) -> web.StreamResponse:
        _ensure_own(request)
        await context.sessions.close(request.cookies.get(COOKIE, ""))
        response = go_to("/signin")
        response.del_cookie(COOKIE)
        return response

    app.router.add_get("/signin", show)
    app.router.add_post("/signin", sign_in)
    app.router.add_post("/signout", sign_out)


def _page(target: str, problem: str = "", status: int = 200) -> Page:
    return Page("signin.html", {"target": target, "problem": problem}, status)


def _target(wanted: str) -> str:
    """Return a path of ours to go on to; never another site, however it is spelled."""
    if not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or not wanted.isprintable():
        return "/"
    try:
        url = URL(wanted)
    except ValueError:
        return "/"
    return wanted if not url.absolute and "\\" not in wanted else "/"


def _ensure_own(request: web.Request) -> None:
    """Refuse a form that another site has filled in; browsers say where it came from."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in {"same-origin", "none"}:
        raise web.HTTPForbidden


def _address(request: web.Request, context: DashboardContext) -> str:
    """Return whose tries are counted; that of a proxy for all who come through it unknown."""
    peer = request.remote or ""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
    try:
        return str(client_address(peer, forwarded, context.settings.server.trusted_proxies))
    except Forbidden:
        return peer
