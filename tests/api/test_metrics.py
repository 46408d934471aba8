"""Who may read the metrics, and where a request really comes from."""

import aiohttp
import pytest

from sendook_lite.api.context import MetricsPage
from sendook_lite.settings import Settings
from tests.api.conftest import Api


def settings(*, allow: list[str], proxies: list[str]) -> Settings:
    return Settings.model_validate(
        {"server": {"trusted_proxies": proxies}, "metrics": {"allow": allow}}
    )


LOOPBACK = ["127.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    ("allow", "proxies", "forwarded", "status"),
    [
        (LOOPBACK, [], None, 200),
        (["192.0.2.0/24"], [], None, 403),
        # Behind a proxy on the same machine everybody comes from loopback.
        (LOOPBACK, [], "192.0.2.7", 403),
        (LOOPBACK, ["127.0.0.1/32"], "192.0.2.7", 403),
        (["192.0.2.0/24"], ["127.0.0.1/32"], "192.0.2.7", 200),
        (["192.0.2.0/24"], ["127.0.0.1/32"], "::ffff:192.0.2.7", 200),
        # What stands further to the left was written by the client.
        (LOOPBACK, ["127.0.0.1/32"], "127.0.0.1, 203.0.113.9", 403),
        # A chain of proxies that are all trusted leads to the one before them.
        (["192.0.2.7/32"], ["127.0.0.1/32", "10.0.0.0/8"], "192.0.2.7, 10.1.2.3", 200),
        (["10.0.0.0/8"], ["127.0.0.1/32"], "192.0.2.7, 10.1.2.3", 200),
        (LOOPBACK, ["127.0.0.1/32"], "unknown", 403),
        # The proxy itself, on whose behalf nobody else asks.
        (LOOPBACK, ["127.0.0.1/32"], None, 200),
        (["fd00::/8"], ["127.0.0.1/32"], "fd00::1", 200),
    ],
)
async def test_the_address_is_judged_after_the_proxies(
    api: Api, allow: list[str], proxies: list[str], forwarded: str | None, status: int
) -> None:
    api.url = await api.serve(settings=settings(allow=allow, proxies=proxies))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    reply = await api.call("GET", "/metrics", key=None, headers=headers)
    assert reply.status == status, reply.raw


async def test_several_headers_are_one_list(api: Api) -> None:
    api.url = await api.serve(settings=settings(allow=LOOPBACK, proxies=["127.0.0.1/32"]))
    headers = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "203.0.113.9")]
    async with api.session.get(f"{api.url}/metrics", headers=headers) as answer:
        assert answer.status == 403


async def test_the_refusal_names_the_setting(api: Api) -> None:
    api.url = await api.serve(settings=settings(allow=["192.0.2.0/24"], proxies=[]))
    reply = await api.call("GET", "/metrics", key=None)
    assert reply.json["code"] == "metrics_forbidden"
    assert "metrics.allow" in reply.json["error"]


async def test_the_format_that_is_asked_for_is_handed_on(api: Api) -> None:
    async def page(accept: str) -> MetricsPage:
        return MetricsPage("text/plain; version=0.0.4", accept.encode())

    api.url = await api.serve(metrics=page)
    reply = await api.call("GET", "/metrics", key=None, headers={"Accept": "text/special"})
    assert reply.raw == b"text/special"
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4"


async def test_an_unknown_method_and_an_unknown_path_make_one_series(api: Api) -> None:
    async with aiohttp.ClientSession() as session:
        for method in ("PROPFIND", "SEARCH", "PURGE"):
            async with session.request(method, f"{api.url}/of/{method}") as answer:
                assert answer.status == 404
    unknown = {key: count for key, count in api.context.requests.items() if "unknown" in key}
    assert unknown == {("unknown", "unknown", "4xx"): 3}
