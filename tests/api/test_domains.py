"""Domains over the API."""

import pytest

from tests.api.asking import assert_envelope
from tests.api.conftest import ABSENT, Api


async def test_a_domain_is_added_shown_verified_and_deleted(api: Api) -> None:
    made = await api.make("/v1/domains", {"name": "New.Example"})
    assert made["id"].startswith("dom_")
    assert (made["name"], made["verified"]) == ("new.example", False)
    assert "verifiedAt" not in made
    assert made["records"][0] == {
        "purpose": "mx",
        "type": "MX",
        "name": "new.example",
        "value": "10 mx.example.com",
        "required": True,
        "status": "pending",
        "found": [],
    }
    for named in (made["id"], "new.example", "NEW.EXAMPLE."):
        assert await api.get(f"/v1/domains/{named}") == made
        assert await api.get(f"/v1/domains/{named}/dns") == made["records"]
    assert await api.get("/v1/domains") == [made]
    api.dns.records["new.example", "MX"] = ("5 elsewhere.example",)
    reply = await api.call("POST", "/v1/domains/new.example/verify")
    assert (reply.status, reply.json["verified"]) == (200, False)
    record = reply.json["records"][0]
    assert (record["status"], record["found"]) == ("wrong", ["5 elsewhere.example"])
    assert "10 mx.example.com" in record["advice"]
    refused = await api.call("POST", "/v1/inboxes", {"email": "ann@new.example"})
    assert_envelope(refused, 404, "invalid_domain")
    api.dns.records["new.example", "MX"] = ("10 mx.example.com",)
    verified = (await api.call("POST", f"/v1/domains/{made['id']}/verify")).json
    assert verified["verified"] is True
    assert verified["verifiedAt"] == verified["updatedAt"]
    inbox = await api.make("/v1/inboxes", {"email": "ann@new.example"})
    assert inbox["domainId"] == made["id"]
    reply = await api.call("DELETE", "/v1/domains/new.example")
    assert (reply.status, reply.json) == (200, verified)
    assert await api.get("/v1/domains") == []
    assert "domainId" not in await api.get(f"/v1/inboxes/{inbox['id']}")
    refused = await api.call("POST", "/v1/inboxes", {"email": "eve@new.example"})
    assert_envelope(refused, 404, "invalid_domain")


async def test_a_domain_is_there_once(api: Api) -> None:
    await api.make("/v1/domains", {"name": "new.example"})
    reply = await api.call("POST", "/v1/domains", {"name": "NEW.example"})
    assert_envelope(reply, 409, "domain_exists")


@pytest.mark.parametrize("name", ["", "no domain", "com", "a@b.example", 5, None, "x" * 300])
async def test_what_is_no_domain_is_refused(api: Api, name: object) -> None:
    reply = await api.call("POST", "/v1/domains", {"name": name})
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["errors"][0]["path"] == "name"


@pytest.mark.parametrize("named", [f"dom_{ABSENT}", "absent.example", "%00", "..%2f..", "%FF"])
async def test_an_absent_domain_is_not_found(api: Api, named: str) -> None:
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/verify"), ("GET", "/dns")):
        reply = await api.call(method, f"/v1/domains/{named}{rest}")
        assert_envelope(reply, 404)


async def test_domains_come_in_pages(api: Api) -> None:
    ids = [(await api.make("/v1/domains", {"name": f"d{n}.example"}))["id"] for n in range(3)]
    reply = await api.call("GET", "/v1/domains?limit=2")
    assert [each["id"] for each in reply.json] == ids[:0:-1]
    assert f"before={ids[1]}" in reply.headers["Link"]
