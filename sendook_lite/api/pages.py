"""Lists: how much of one is asked for, and where the next part is found."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

from sendook_lite.domain.ids import is_id
from sendook_lite.domain.resources import Resource
from sendook_lite.store.page import DEFAULT_LIMIT, MAX_LIMIT, Page

_MAX_DIGITS: Final = 9


class Identified(Protocol):
    """What can be the last of a page."""

    @property
    def id(self) -> str:
        """The public id."""
        ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True, slots=True)
class Listing:
    """A bare array, and headers that say what an array cannot."""

    items: list[Resource]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A resource that holds a page of a list, and headers that lead to the next one."""

    resource: Resource
    headers: dict[str, str]


def _limit(value: Any) -> int:
    text = str(value)
    if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS:
        number = int(text)
        if 1 <= number <= MAX_LIMIT:
            return number
    raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")


def _cursor(value: str) -> str:
    if not is_id(value):
        raise ValueError("must be the id of an item of this list")
    return value


Limit = Annotated[
    int,
    BeforeValidator(_limit),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}),
]
Cursor = Annotated[str, AfterValidator(_cursor)]


class Query(BaseModel):
    """What stands behind the question mark; what is not known is ignored."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class ListQuery(Query):
    """How much of a list, newest first, and before which of its items."""

    limit: Limit = DEFAULT_LIMIT
    before: Cursor | None = None


def listing(
    request: web.Request,
    public_url: str,
    page: Page[T],
    show: Callable[[T], Resource],
    cursor: str = "before",
) -> Listing:
    """Show a page, with a link to the next one when there is more (RFC 8288).

    ``cursor`` is the query parameter that continues the list behind an id.
    """
    headers = {}
    if page.more and page.items:
        query = {**request.query, cursor: page.items[-1].id}
        path = request.path.rstrip("/")
        headers["Link"] = f'<{public_url}{path}?{urlencode(query)}>; rel="next"'
    return Listing([show(item) for item in page.items], headers)
