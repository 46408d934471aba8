"""Signing secrets over the API: shown where they are asked for, and nowhere else."""

import re
from typing import Any

import pytest

from sendook_lite.api.routes import ROUTES
from sendook_lite.domain.clock import parse_iso
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.signing import prepare_secret
from tests.api.asking import assert_envelope
from tests.api.conftest import Api, Reply

MINIMAL: dict[str, Any] = {"url": "https://example.com/hook", "events": ["message.received"]}
HMAC = "whsec_" + "SGlkZGVu" * 4
PAIR = prepare_secret("ed25519", None, lambda size: b"\xa5" * size)
PRIVATE = PAIR.value
EXPIRES = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"


async def test_a_secret_is_rotated_with_a_day_of_overlap(api: Api) -> None:
    made = await api.make("/v1/webhooks", MINIMAL)
    path = f"/v1/webhooks/{made['id']}/secret"
    reply = await api.call("POST", f"{path}/rotate")
    assert reply.status == 200
    assert set(reply.json) == {"secret", "previous"}
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", reply.json["secret"])
    assert reply.json["secret"] != made["secret"]
    (previous,) = reply.json["previous"]
    assert set(previous) == {"expiresAt"}
    assert re.fullmatch(EXPIRES, previous["expiresAt"])
    ends_in = parse_iso(previous["expiresAt"]) - api.context.clock.now()
    assert 86_390_000 < ends_in <= 86_401_000
    assert await api.get(path) == reply.json
    again = await api.call("POST", f"{path}/rotate", {"graceSeconds": 0, "secret": HMAC})
    assert again.json == {"secret": HMAC, "previous": []}
    seq = (await api.context.endpoints.get(made["id"])).seq
    assert api.feed.changed == [seq] * 3


async def test_of_a_key_pair_the_public_key_is_shown_everywhere_and_the_private_one_nowhere(
    api: Api,
) -> None:
    made = await api.make("/v1/webhooks", {**MINIMAL, "signing": "ed25519"})
    path = f"/v1/webhooks/{made['id']}"
    assert "secret" not in made
    assert made["signing"] == "ed25519"
    assert re.fullmatch(r"whpk_[A-Za-z0-9+/]{43}=", made["publicKey"])
    assert await api.get(path) == made
    assert await api.get("/v1/webhooks") == [made]
    shown = {"publicKey": made["publicKey"], "previous": []}
    assert await api.get(f"{path}/secret") == shown
    rotated = await api.call("POST", f"{path}/secret/rotate", {"secret": PRIVATE})
    assert rotated.json["publicKey"] == PAIR.public_key
    (previous,) = rotated.json["previous"]
    assert previous["publicKey"] == made["publicKey"]
    assert (await api.get(path))["publicKey"] == PAIR.public_key
    assert (await api.get(path))["updatedAt"] >= made["updatedAt"]


async def test_the_way_of_signing_is_shown_and_cannot_be_changed(api: Api) -> None:
    for signing, other in (("hmac", "ed25519"), ("ed25519", "hmac")):
        made = await api.make("/v1/webhooks", {**MINIMAL, "signing": signing})
        assert made.get("signing") == (None if signing == "hmac" else signing)
        path = f"/v1/webhooks/{made['id']}"
        assert (await api.call("PATCH", path, {"signing": signing})).status == 200
        refused = await api.call("PATCH", path, {"signing": other})
        assert_envelope(refused, 400, "validation_failed")
        assert refused.json["errors"][0]["path"] == "signing"
        assert f"was made with {signing}" in refused.json["message"]


@pytest.mark.parametrize("signing", ["", "rsa", None, 1, ["hmac"]])
async def test_an_unknown_way_of_signing_is_refused(api: Api, signing: Any) -> None:
    reply = await api.call("POST", "/v1/webhooks", {**MINIMAL, "signing": signing})
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["message"] == "signing must be 'hmac' or 'ed25519'"


@pytest.mark.parametrize(
    ("grace", "message"),
    [
        (-1, "must be at least 0"),
        (30 * 24 * 3600 + 1, "must be at most 2.592e+06"),
        (1.5, "must be a whole number"),
        ("60", "must be a whole number"),
        (True, "must be a whole number"),
        (None, "must be a whole number"),
    ],
)
async def test_a_grace_that_makes_no_sense_is_refused(api: Api, grace: Any, message: str) -> None:
    made = await api.make("/v1/webhooks", MINIMAL)
    path = f"/v1/webhooks/{made['id']}/secret"
    reply = await api.call("POST", f"{path}/rotate", {"graceSeconds": grace})
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["message"] == f"graceSeconds {message}"
    assert (await api.get(path))["secret"] == made["secret"]
    longest = await api.call("POST", f"{path}/rotate", {"graceSeconds": 30 * 24 * 3600})
    assert longest.status == 200


async def test_rotating_needs_the_right_to_write(api: Api) -> None:
    made = await api.make("/v1/webhooks", MINIMAL)
    path = f"/v1/webhooks/{made['id']}/secret/rotate"
    refused = await api.call("POST", path, key=await api.make_key("read"))
    assert_envelope(refused, 403, "scope_missing")
    assert (await api.call("POST", path, key=await api.make_key("write"))).status == 200


async def test_too_many_overlapping_secrets_are_a_conflict(api: Api) -> None:
    made = await api.make("/v1/webhooks", MINIMAL)
    path = f"/v1/webhooks/{made['id']}/secret/rotate"
    for _ in range(5):
        assert (await api.call("POST", path)).status == 200
    assert_envelope(await api.call("POST", path), 409, "too_many_secrets")
    assert (await api.call("POST", path, {"graceSeconds": 0})).status == 200


SECRET = re.compile(r"wh(sec|sk)_[A-Za-z0-9+/]{8}")


def assert_no_secret(reply: Reply, known: set[str]) -> None:
    text = f"{reply.headers}{reply.raw.decode('utf-8', 'replace')}"
    assert not SECRET.search(text), text
    assert not [each for each in known if each.partition("_")[2] in text], text


async def test_no_answer_but_those_about_a_secret_holds_one(api: Api) -> None:
    known = {HMAC, PRIVATE}
    inbox = await api.make("/v1/inboxes", {})
    for fields, given in (
        ({"secret": HMAC}, {}),
        ({}, {"secret": HMAC}),
        ({"signing": "ed25519", "secret": PRIVATE}, {}),
        ({"signing": "ed25519"}, {"secret": PRIVATE}),
    ):
        made = await api.make("/v1/webhooks", {**MINIMAL, **fields})
        path = f"/v1/webhooks/{made['id']}"
        rotated = (await api.call("POST", f"{path}/secret/rotate", given)).json
        assert ("secret" in made) is ("secret" in rotated) is ("signing" not in fields)
        known |= {each["secret"] for each in (made, rotated) if "secret" in each}
        api.probe.outcomes.append(Outcome(500, "http_status", "answered 500", b"no", 1))
        failed = await api.call("POST", f"{path}/test")
        assert_no_secret(failed, known)
        assert_no_secret(await api.call("POST", f"{path}/test"), known)
        assert_no_secret(await api.call("PATCH", path, {"secret": HMAC, "timeout": 1}), known)
        ids = {
            "inbox_id": inbox["id"],
            "webhook_id": made["id"],
            "event_id": failed.json["eventId"],
            "delivery_id": failed.json["attempt"]["deliveryId"],
        }
        for route in ROUTES:
            if route.method == "GET" and not route.path.endswith("/secret"):
                asked = re.sub(r"{(\w+)}", lambda name: ids.get(name[1], "none_0"), route.path)  # noqa: B023 - used at once
                assert_no_secret(await api.call("GET", asked), known)
    assert len(known) == 4
    for hook in await api.get("/v1/webhooks"):
        assert_no_secret(await api.call("DELETE", f"/v1/webhooks/{hook['id']}"), known)


BROKEN = [
    HMAC[:-4],
    HMAC + HMAC,
    HMAC.replace("whsec_", ""),
    HMAC.replace("whsec_", "whsk_"),
    "whsk_" + "SGlkZGVu" * 5,
    HMAC + "\n",
    [HMAC],
    {"secret": HMAC},
]


@pytest.mark.parametrize("secret", BROKEN)
@pytest.mark.parametrize("signing", ["hmac", "ed25519"])
async def test_a_secret_that_is_refused_is_not_repeated(
    api: Api, secret: Any, signing: str
) -> None:
    made = await api.make("/v1/webhooks", {**MINIMAL, "signing": signing})
    rotate = f"/v1/webhooks/{made['id']}/secret/rotate"
    for path, body in (("/v1/webhooks", {**MINIMAL, "signing": signing}), (rotate, {})):
        reply = await api.call("POST", path, {**body, "secret": secret})
        assert_envelope(reply, 400, "validation_failed")
        (error,) = reply.json["errors"]
        assert error["path"] == "secret"
        assert "value" not in error
        assert b"SGlkZGVu" not in reply.raw
        broken = await api.call("POST", path, b'{"secret": "' + HMAC.encode() + b'", ')
        assert_envelope(broken, 400, "invalid_json")
        assert b"SGlkZGVu" not in broken.raw
