"""How the tests ask, and what every error they get has to look like."""

import asyncio
import re
from urllib.parse import urlsplit

from sendook_lite.api.routes import Route
from tests.api.conftest import ABSENT, Api, Reply

KINDS = {
    "inbox": "inbox",
    "message": "msg",
    "attachment": "att",
    "thread": "thread",
    "webhook": "wh",
    "event": "evt",
    "delivery": "dlv",
    "replay": "rpl",
    "api_key": "key",
}


def filled(path: str) -> str:
    """A route's path with ids and names of nothing."""
    path = path.replace("{address}", "nobody@example.org").replace("{domain}", "nowhere.example")
    return re.sub(r"{(\w+)_id}", lambda found: f"{KINDS[found[1]]}_{ABSENT}", path)


def assert_envelope(reply: Reply, status: int, code: str | None = None) -> None:
    assert reply.status == status, reply.raw
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert reply.json["error"] == reply.json["message"]
    assert reply.json["code"]
    if code is not None:
        assert reply.json["code"] == code
    assert reply.headers["X-Request-Id"].startswith("req_")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert b"Traceback" not in reply.raw


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


async def raw(api: Api, head: bytes, body: bytes = b"") -> bytes:
    """Send bytes as they are; returns what comes back until the connection ends."""
    where = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    # "Connection: close" last: what is malformed has been met by then.
    writer.write(head + b"Connection: close\r\n\r\n" + body)
    await writer.drain()
    answer = b""
    while chunk := await reader.read(65_536):
        answer += chunk
        if b"\r\n\r\n" in answer and b"}" in answer:
            break
    writer.close()
    return answer
