"""What holds for every route: errors, keys, slashes, methods, headers."""

import io
import re
from typing import Any

import pytest

from sendook_lite.api.bodies import MAX_BODY_BYTES
from sendook_lite.api.routes import DEV_ROUTES, ROUTES, Route
from tests.api.asking import assert_envelope, filled, named, raw
from tests.api.conftest import Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCEPTABLE = {
    "name": "A",
    "since": "2020-01-01T00:00:00Z",
    "to": "nobody@example.org",
    "text": "A",
    "labels": ["a"],
}
"""A body that every route takes which needs one and names an id."""

every_route = pytest.mark.parametrize("route", [*ROUTES, *DEV_ROUTES], ids=named)
keyed_route = pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.scope], ids=named
)


@keyed_route
async def test_every_keyed_route_wants_a_key(shared: Api, route: Route) -> None:
    reply = await shared.call(route.method, filled(route.path), key=None)
    assert_envelope(reply, 401, "unauthorized")
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@every_route
async def test_every_route_takes_a_final_slash(shared: Api, route: Route) -> None:
    plain = await shared.call(route.method, filled(route.path))
    slashed = await shared.call(route.method, filled(route.path) + "/")
    assert slashed.status == plain.status
    assert slashed.status < 500
    assert slashed.status not in {301, 302, 307, 308, 405}
    if plain.status >= 400:
        assert slashed.json == plain.json


@every_route
async def test_every_path_refuses_other_methods(shared: Api, route: Route) -> None:
    reply = await shared.call("PUT", filled(route.path))
    assert_envelope(reply, 405, "method_not_allowed")
    allowed = reply.headers["Allow"].split(", ")
    assert route.method in allowed
    assert ("HEAD" in allowed) == ("GET" in allowed)


@every_route
async def test_every_route_takes_the_json_type_with_no_body(shared: Api, route: Route) -> None:
    json_type = {"Content-Type": "application/json"}
    reply = await shared.call(route.method, filled(route.path), headers=json_type)
    bare = await shared.call(route.method, filled(route.path))
    assert (reply.status, reply.status < 500) == (bare.status, True)
    if reply.status == 400:
        assert reply.json["code"] == "validation_failed"


@pytest.mark.parametrize("identifier", ["nonsense", "%00", "%FF%ED%A0%80", "inbox_1", "..;"])
async def test_a_malformed_id_is_not_found(shared: Api, identifier: str) -> None:
    for route in ROUTES:
        malformed = re.sub(r"{\w+_id}", identifier, route.path)
        if malformed != route.path:
            assert_envelope(await shared.call(route.method, malformed, {}), 404)


async def test_an_absent_id_is_not_found(shared: Api) -> None:
    for route in ROUTES:
        if "_id}" in route.path:
            reply = await shared.call(route.method, filled(route.path), ACCEPTABLE)
            assert_envelope(reply, 404)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=named)
async def test_head_answers_as_get_does(shared: Api, route: Route) -> None:
    got = await shared.call("GET", filled(route.path))
    head = await shared.call("HEAD", filled(route.path))
    assert head.status == got.status
    assert head.raw == b""
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer wrong",
        "Bearer \xff\xfe",
        "Bearer sk_" + "a" * 4000,
        "nonsense",
    ],
)
async def test_a_wrong_key_is_refused(shared: Api, header: str) -> None:
    reply = await shared.call("GET", "/v1/inboxes", key=None, headers={"Authorization": header})
    assert_envelope(reply, 401, "unauthorized")


async def test_bytes_that_are_no_text_are_no_key(shared: Api) -> None:
    answer = await raw(
        shared, b"GET /v1/inboxes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " Bearer  "])
async def test_the_scheme_is_read_without_case(shared: Api, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {shared.key}"}
    reply = await shared.call("GET", "/v1/inboxes", key=None, headers=headers)
    assert reply.status == 200


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/inboxes/x/y", "/v1//inboxes"])
async def test_an_unknown_route_under_v1_asks_for_the_key_first(shared: Api, path: str) -> None:
    assert_envelope(await shared.call("GET", path, key=None), 401, "unauthorized")
    assert_envelope(await shared.call("GET", path), 404, "route_not_found")


@pytest.mark.parametrize("path", ["/", "/nothing", "/v10/inboxes", "/v1x", "/%00"])
async def test_an_unknown_route_elsewhere_is_not_found(shared: Api, path: str) -> None:
    assert_envelope(await shared.call("GET", path, key=None), 404, "route_not_found")


async def test_every_answer_says_that_it_is_not_to_be_kept_or_guessed_at(shared: Api) -> None:
    reply = await shared.call("GET", "/v1/inboxes")
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Server"] == "Sendook-Lite"
    other = await shared.call("GET", "/v1/inboxes")
    assert other.headers["X-Request-Id"] != reply.headers["X-Request-Id"]
    assert "Cache-Control" not in (await shared.call("GET", "/health")).headers


BAD_JSON: list[tuple[str, bytes]] = [
    ("cut", b'{"name":'),
    ("not utf-8", b'{"name":"\xff"}'),
    ("NaN", b'{"name":NaN}'),
    ("infinity", b'{"name":1e999}'),
    ("huge number", b'{"name":' + b"9" * 5000 + b"}"),
    ("half a surrogate pair", rb'{"name":"\ud800"}'),
    ("too deep", b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    ("deep", b'{"name":' + b"[" * 1010 + b"]" * 1010 + b"}"),
    ("a name twice", b'{"name":"a","name":"b"}'),
    ("a name twice inside", b'{"x":[{"y":1,"y":1}]}'),
    ("byte order mark", b"\xef\xbb\xbf{}"),
    ("comment", b"{/* */}"),
    ("a form", b"name=a"),
    ("array", b"[]"),
    ("null", b"null"),
    ("string", b'"name"'),
]


@pytest.mark.parametrize("body", [body for _, body in BAD_JSON], ids=[name for name, _ in BAD_JSON])
async def test_bad_json_is_refused_everywhere(shared: Api, body: bytes) -> None:
    for route in ROUTES:
        if route.body is not None:
            reply = await shared.call(route.method, filled(route.path), body)
            assert_envelope(reply, 400, "invalid_json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
async def test_json_is_read_whatever_type_it_claims(shared: Api, content_type: str) -> None:
    reply = await shared.call(
        "POST", "/v1/inboxes", b'{"name":"A","unknown":1}', headers={"Content-Type": content_type}
    )
    assert reply.status == 201


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Encoding: gzip\r\nContent-Length: 4", b"oops"),
        (b"Content-Encoding: gzip\r\nContent-Length: 2", b"{}"),
        (b"Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    ],
)
async def test_a_body_coded_wrongly_is_refused(shared: Api, head: bytes, body: bytes) -> None:
    answer = await raw(
        shared,
        b"POST /v1/inboxes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        + shared.key.encode() + b"\r\n" + head + b"\r\n",
        body,
    )  # fmt: skip
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b'"code":' in answer


async def test_a_body_that_is_announced_too_large_is_refused(shared: Api) -> None:
    answer = await raw(
        shared,
        b"POST /v1/inboxes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: Bearer "
        + shared.key.encode() + b"\r\nContent-Length: %d\r\n" % (MAX_BODY_BYTES + 1),
    )  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 413 ")  # and no "100 Continue" before it
    assert b'"code":"body_too_large"' in answer


async def test_a_body_that_turns_out_too_large_is_refused(shared: Api) -> None:
    async def flood() -> Any:
        for _ in range(36):
            yield b" " * 1024 * 1024

    headers = {"Authorization": f"Bearer {shared.key}"}
    async with shared.session.post(
        f"{shared.url}/v1/inboxes", data=flood(), headers=headers
    ) as reply:
        assert reply.status == 413
        assert (await reply.json())["code"] == "body_too_large"


async def test_a_large_body_within_the_limit_is_read(shared: Api) -> None:
    body = b'{"name":"A","x":"' + b"x" * (MAX_BODY_BYTES - 19) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert (await shared.call("POST", "/v1/inboxes", io.BytesIO(body))).status == 201


async def test_a_client_that_waits_is_asked_for_its_body(shared: Api) -> None:
    reply = await shared.call("POST", "/v1/inboxes", {"name": "A"}, expect100=True)
    assert reply.status == 201


async def test_an_unknown_expectation_is_ignored_or_told_in_the_envelope(shared: Api) -> None:
    expecting = {"Expect": "the-unexpected"}
    assert (await shared.call("GET", "/v1/inboxes", headers=expecting)).status == 200
    reply = await shared.call("GET", "/nothing", headers=expecting)
    assert reply.status == 417
    assert reply.json["code"] == "expectation_failed"


@pytest.mark.parametrize(
    "request_head",
    [
        b"nonsense\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
    ],
)
async def test_what_is_not_http_is_told_so_in_the_envelope(
    shared: Api, request_head: bytes
) -> None:
    answer = await raw(shared, request_head)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b'"code": "malformed_request"' in body
    assert b"X-Request-Id: req_" in head
    assert b"Connection: close" in head or head.startswith(b"HTTP/1.0")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
async def test_odd_methods_are_told_what_is_allowed(shared: Api, method: str) -> None:
    answer = await raw(shared, method.encode() + b" /health HTTP/1.1\r\nHost: x\r\n")
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"Allow: GET, HEAD\r\n" in answer
    assert b'"code":"method_not_allowed"' in answer


async def test_a_tunnel_is_no_route(shared: Api) -> None:
    answer = await raw(shared, b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"code":"route_not_found"' in answer
