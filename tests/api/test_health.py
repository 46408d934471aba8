"""What may be asked without a key."""

import pytest

from tests.api.conftest import Api


async def test_health_tells_live_facts_without_a_key(api: Api) -> None:
    reply = await api.call("GET", "/health", key=None)
    assert (reply.status, reply.json) == (200, {"healthy": True, "version": "x"})


@pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
async def test_readiness_is_yes_or_says_why_not(api: Api, path: str) -> None:
    reply = await api.call("GET", path, key=None)
    assert (reply.status, reply.json) == (200, {"ready": True})
    api.url = await api.serve(ready=lambda: "still recovering")
    reply = await api.call("GET", path, key=None)
    assert reply.status == 503
    assert reply.json == {
        "ready": False,
        "error": "still recovering",
        "message": "still recovering",
        "code": "not_ready",
    }


async def test_the_sink_is_there_with_dev_only(api: Api) -> None:
    assert (await api.call("POST", "/webhooks/test", b"anything", key=None)).status == 200
    api.url = await api.serve(dev=False)
    reply = await api.call("POST", "/webhooks/test", b"anything", key=None)
    assert (reply.status, reply.json["code"]) == (404, "route_not_found")
