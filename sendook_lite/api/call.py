"""What a handler is given, and what it may answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web

from sendook_lite.api.context import ApiContext
from sendook_lite.api.pages import Listing, Part
from sendook_lite.domain.resources import Resource
from sendook_lite.usecases.access import Principal

Q = TypeVar("Q")
B = TypeVar("B")

NOBODY = Principal(None, frozenset())
"""Who asks for what needs no key."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """One request, read and judged.

    ``query`` and ``body`` are the models that the route names, None where it names none. Ids in
    ``path`` are well-formed, and an inbox in it exists for the principal if it exists at all.
    """

    context: ApiContext
    request: web.Request
    principal: Principal
    path: Mapping[str, str]
    query: Q
    body: B


Answer = Resource | Listing | Part | web.StreamResponse
"""What is no response yet becomes JSON with the status of the route."""

Handler = Callable[[Call[Any, Any]], Awaitable[Answer]]
