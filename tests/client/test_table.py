"""The table of operations: complete, the same for both clients, and right about paths."""

import inspect
import re
from pathlib import Path
from typing import Any

from sendook_lite.api.routes import ROUTES
from sendook_lite.client import groups
from sendook_lite.client.operations import Group, Method
from sendook_lite.client.request import Following, Listing, Request

DOCUMENT = Path(__file__).parents[2] / "docs/client.md"


def table() -> dict[tuple[str, str], Any]:
    """What each operation would send, were its arguments called after themselves."""
    made: dict[tuple[str, str], Any] = {}
    for name, kind in vars(groups).items():
        if not (isinstance(kind, type) and issubclass(kind, Group)) or kind is Group:
            continue
        for verb, method in vars(kind).items():
            if isinstance(method, Method):
                make: Any = method._make
                wanted = [
                    each
                    for each, parameter in inspect.signature(make).parameters.items()
                    if each != "self" and parameter.kind is not parameter.VAR_KEYWORD
                ]
                sent = make(None, **{each: f"<{each}>" for each in wanted})
                match sent:
                    case Listing(first=request) | Following(request=request):
                        pass
                    case Request():
                        request = sent
                made[name.lower(), verb] = request
    return made


def test_every_route_under_v1_is_an_operation_and_nothing_else_is() -> None:
    routes = {
        (route.method, re.sub(r"\{[^}]*\}", "*", route.path))
        for route in ROUTES
        if route.path.startswith("/v1/")
    }
    operations = {
        (request.method, re.sub(r"%3C[^/]*%3E", "*", request.path)) for request in table().values()
    }
    assert operations == routes


def test_the_page_names_every_operation() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    told = {(name, verb) for name, verbs in rows for verb in re.findall(r"`(\w+)`", verbs)}
    assert told == table().keys()


def test_arguments_become_the_fields_of_the_api_and_what_is_none_is_left_out() -> None:
    method: Any = groups.Messages.reply
    request = method._make(None, "inbox_1", "msg/1", reply_all=True, text="Hi")
    assert request.target == "/v1/inboxes/inbox_1/messages/msg%2F1/reply"
    assert request.body == {"replyAll": True, "text": "Hi"}


def test_a_change_sends_none_as_null() -> None:
    method: Any = groups.Webhooks.change
    request = method._make(None, "wh_1", description=None, rate_limit=2)
    assert request.body == {"description": None, "rateLimit": 2}
