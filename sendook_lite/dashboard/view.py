"""What the function of a page is given, and what it gives back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

from sendook_lite.dashboard.context import DashboardContext
from sendook_lite.store.reader import Reader
from sendook_lite.usecases.access import Principal

MAX_FORM: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class View:
    """One request for a page, by somebody who is signed in."""

    context: DashboardContext
    request: web.Request
    principal: Principal

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters of the path."""
        return self.request.match_info

    @property
    def query(self) -> Mapping[str, str]:
        """What stands behind the question mark."""
        return self.request.query

    @property
    def reader(self) -> Reader:
        """The store."""
        return self.context.store.reader


@dataclass(frozen=True, slots=True)
class Page:
    """A template and what is filled into it."""

    template: str
    data: dict[str, Any] = field(default_factory=dict)
    status: int = 200


def go_to(path: str) -> web.Response:
    """Send the browser on to a path of ours."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})


async def read_form(request: web.Request) -> dict[str, str]:
    """Read a small form; whatever is none, in whatever coding, is an empty one or nonsense."""
    raw = await request.content.read(MAX_FORM)
    return dict(parse_qsl(raw.decode("utf-8", "replace")))


Show = Callable[[View], Awaitable[Page | web.StreamResponse]]
