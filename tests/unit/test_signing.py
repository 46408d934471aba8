"""Signatures, checked against two independent libraries and the specification's rules."""

import base64
import hmac
import secrets
from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix.webhooks

from sendook_lite.domain.model import Secret
from sendook_lite.domain.signing import (
    HmacKey,
    new_secret,
    secret_bytes,
    sign,
    signature_header,
    signing_key,
    verify,
)

BODY = '{"event":"message.received","payload":{"subject":"Grüße"}}'.encode()
EVENT = "evt_01JABCDEFGHJKMNPQRSTVWXYZ0"


def secret() -> str:
    return new_secret(secrets.token_bytes)


def unix_now() -> int:
    return int(datetime.now(UTC).timestamp())


def signed(*keys: bytes, at: int, body: bytes = BODY) -> dict[str, str]:
    signing = [HmacKey(key) for key in keys]
    return {
        "webhook-id": EVENT,
        "webhook-timestamp": str(at),
        "webhook-signature": signature_header(signing, EVENT, at, body),
    }


def test_a_new_secret_is_whsec_and_32_random_bytes() -> None:
    made = new_secret(lambda size: bytes(range(size)))
    assert made == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert secret_bytes(made) == bytes(range(32))


@pytest.mark.parametrize("size", [24, 32, 64])
def test_secrets_of_24_to_64_bytes_are_taken(size: int) -> None:
    key = secrets.token_bytes(size)
    assert secret_bytes("whsec_" + base64.b64encode(key).decode()) == key


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "begin with whsec_"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "begin with whsec_"),
        ("whsec_", "has 0"),
        ("whsec_AAAA", "has 3"),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), "has 23"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "has 65"),
        ("whsec_not base64!!", "not base64"),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "not base64"),
        ("whsec_ÄÄÄÄ", "not base64"),
    ],
)
def test_what_is_not_a_secret_is_refused_without_repeating_it(given: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"^A secret is whsec_ followed by") as caught:
        secret_bytes(given)
    assert why in str(caught.value)
    assert len(given) < 10 or given.removeprefix("whsec_") not in str(caught.value)


def test_the_signature_is_the_one_of_the_specification() -> None:
    # Computed with `openssl dgst -sha256 -hmac` over "msg_1.1700000000.{}".
    key = b"0123456789abcdef01234567"
    assert sign(key, "msg_1", 1_700_000_000, b"{}") == (
        "v1,DjijpYnPcWcWSiPdvC93sCoKwGNWcH97A32JApk39OU="
    )


@pytest.mark.parametrize("size", [0, 1, 24, 63, 64, 65, 200])
def test_every_signature_of_a_key_is_the_code_of_the_standard_library(size: int) -> None:
    key = secrets.token_bytes(size)
    signing = HmacKey(key)
    for content in (b"", b"x", BODY, bytes(range(256)) * 300):
        code = base64.b64decode(signing.sign(content).removeprefix("v1,"))
        assert code == hmac.digest(key, content, "sha256")


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.webhooks.Webhook])
def test_the_public_libraries_believe_our_signature(library: type) -> None:
    mine = secret()
    headers = signed(secret_bytes(mine), at=unix_now())
    library(mine).verify(BODY, headers)
    with pytest.raises(Exception, match="No matching signature"):
        library(mine).verify(BODY + b" ", headers)


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.webhooks.Webhook])
def test_during_a_rotation_both_secrets_verify(library: type) -> None:
    current, old = secret(), secret()
    headers = signed(secret_bytes(current), secret_bytes(old), at=unix_now())
    for one in (current, old):
        library(one).verify(BODY, headers)


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.webhooks.Webhook])
def test_after_its_grace_a_secret_signs_no_more(library: type) -> None:
    current, old, now = secret(), secret(), unix_now()
    for seconds_left, count in ((1, 2), (0, 1), (-1, 1)):
        keys = [
            signing_key(Secret(current, None)),
            signing_key(Secret(old, (now + seconds_left) * 1000)),
        ]
        header = signature_header(keys, EVENT, now, BODY)
        assert header.count("v1,") == count
        headers = {**signed(b"", at=now), "webhook-signature": header}
        library(current).verify(BODY, headers)
        if count == 1:
            with pytest.raises(Exception, match="No matching signature"):
                library(old).verify(BODY, headers)
        else:
            library(old).verify(BODY, headers)


def test_a_key_that_is_shown_by_mistake_shows_nothing() -> None:
    mine = Secret("whsec_" + "QUFB" * 8, None)
    assert "QUFB" not in repr((mine, signing_key(mine)))
    assert "AAA" not in repr(signing_key(mine))


def test_signatures_have_one_comma_each_and_single_spaces_between() -> None:
    header = signature_header([HmacKey(bytes([i]) * 32) for i in range(3)], EVENT, 1, BODY)
    parts = header.split(" ")
    assert len(parts) == 3
    assert all(part.startswith("v1,") and part.count(",") == 1 for part in parts)
    assert parts[0] == sign(bytes(32), EVENT, 1, BODY)


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.webhooks.Webhook])
def test_we_believe_what_the_public_libraries_sign(library: type) -> None:
    mine, now = secret(), datetime.now(UTC)
    given = library(mine).sign(msg_id=EVENT, timestamp=now, data=BODY.decode())
    stamp = str(int(now.timestamp()))
    headers = {"webhook-id": EVENT, "webhook-timestamp": stamp, "webhook-signature": given}
    verify([secret(), mine], headers, BODY, int(now.timestamp()))


@pytest.mark.parametrize("skew", [-300, 0, 300])
def test_a_timestamp_within_five_minutes_is_taken(skew: int) -> None:
    mine = secret()
    verify([mine], signed(secret_bytes(mine), at=1_700_000_000), BODY, 1_700_000_000 + skew)


@pytest.mark.parametrize("skew", [-301, 301])
def test_an_older_or_later_timestamp_is_refused(skew: int) -> None:
    mine = secret()
    headers = signed(secret_bytes(mine), at=1_700_000_000)
    with pytest.raises(ValueError, match="more than 300 s away"):
        verify([mine], headers, BODY, 1_700_000_000 + skew)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"webhook-id": "evt_other"}, "not made with"),
        ({"webhook-id": ""}, "webhook-id header is missing"),
        ({"webhook-id": "\udcff"}, "not made with"),
        ({"webhook-timestamp": "1700000001"}, "not made with"),
        ({"webhook-timestamp": "01700000000"}, "not made with"),
        ({"webhook-timestamp": "soon"}, "not a number"),
        ({"webhook-timestamp": "-1"}, "not a number"),
        ({"webhook-timestamp": "٣"}, "not a number"),
        ({"webhook-timestamp": "9" * 5000}, "not a number"),
        ({"webhook-signature": "v1,AAAA"}, "not made with"),
        ({"webhook-signature": "v1, v1 ,, \udcff ü"}, "not made with"),
        ({"webhook-signature": ""}, "webhook-signature header is missing"),
    ],
)
def test_what_was_changed_is_not_believed(change: dict[str, str], why: str) -> None:
    mine = secret()
    headers = signed(secret_bytes(mine), at=1_700_000_000) | change
    with pytest.raises(ValueError, match=why):
        verify([mine], headers, BODY, 1_700_000_000)


def test_another_body_or_another_secret_is_not_believed() -> None:
    mine = secret()
    headers = signed(secret_bytes(mine), at=1_700_000_000)
    for secrets_given, body in (([mine], BODY + b" "), ([secret()], BODY), ([], BODY)):
        with pytest.raises(ValueError, match="not made with"):
            verify(secrets_given, headers, body, 1_700_000_000)
