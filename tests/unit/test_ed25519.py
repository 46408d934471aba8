"""Key pairs and ``v1a`` signatures, checked with the library alone, as the specification says."""

import base64
import secrets
import subprocess
import sys

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sendook_lite.domain.ed25519 import normalize_private_key, public_key_of, read_public_key
from sendook_lite.domain.model import Secret
from sendook_lite.domain.signing import (
    prepare_secret,
    read_verifier,
    signature_header,
    signing_key,
    verify,
)

BODY = '{"event":"message.received","payload":{"subject":"Grüße"}}'.encode()
EVENT = "evt_01JABCDEFGHJKMNPQRSTVWXYZ0"
AT = 1_700_000_000
SEED = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()


def written(prefix: str, raw: bytes) -> str:
    return prefix + base64.b64encode(raw).decode()


def pair() -> Secret:
    return prepare_secret("ed25519", None, secrets.token_bytes)


def signed(*given: Secret, at: int = AT) -> dict[str, str]:
    header = signature_header([signing_key(each) for each in given], EVENT, at, BODY)
    return {"webhook-id": EVENT, "webhook-timestamp": str(at), "webhook-signature": header}


def public(secret: Secret) -> str:
    assert secret.public_key is not None
    return secret.public_key


def verify_as_specified(public_key: str, headers: dict[str, str], body: bytes) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for one in headers["webhook-signature"].split(" "):
        version, signature = one.split(",")
        assert version == "v1a"
        assert len(base64.b64decode(signature, validate=True)) == 64
        try:
            return key.verify(base64.b64decode(signature), content)
        except InvalidSignature:
            continue
    raise InvalidSignature


def test_a_new_pair_is_a_random_seed_and_its_public_key() -> None:
    made = prepare_secret("ed25519", None, lambda size: bytes(range(size)))
    assert made == Secret(written("whsk_", SEED), None, written("whpk_", PUBLIC))


def test_a_signature_is_the_one_of_rfc_8032() -> None:
    # Section 7.1, TEST 1; the content is what stands behind the two full stops.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    signature = (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
        "46bd25bf5f0595bbe24655141438e7a100b"
    )
    key = signing_key(Secret(written("whsk_", seed), None))
    assert public_key_of(written("whsk_", seed)) == written("whpk_", bytes.fromhex(public_key))
    assert key.sign(b"") == written("v1a,", bytes.fromhex(signature))
    assert written("", seed)[:8] not in repr(key)


def test_a_signature_verifies_as_the_specification_says() -> None:
    mine = pair()
    verify_as_specified(public(mine), signed(mine), BODY)
    for public_key, body in ((public(pair()), BODY), (public(mine), BODY + b" ")):
        with pytest.raises(InvalidSignature):
            verify_as_specified(public_key, signed(mine), body)


def test_during_a_rotation_both_keys_verify_and_then_the_new_one_alone() -> None:
    current, old = pair(), pair()
    for expires_at, valid in ((AT * 1000 + 1000, True), (AT * 1000, False)):
        headers = signed(current, Secret(old.value, expires_at, old.public_key))
        verify_as_specified(public(current), headers, BODY)
        assert headers["webhook-signature"].count("v1a,") == 1 + valid
        verify([public(current)], headers, BODY, AT)
        if valid:
            verify_as_specified(public(old), headers, BODY)
            verify([public(old)], headers, BODY, AT)
        else:
            with pytest.raises(ValueError, match="not made with"):
                verify([public(old)], headers, BODY, AT)


def test_keys_of_32_bytes_and_of_64_are_taken_and_kept_as_32() -> None:
    assert normalize_private_key(written("whsk_", SEED)) == written("whsk_", SEED)
    given = prepare_secret("ed25519", written("whsk_", SEED + PUBLIC), secrets.token_bytes)
    assert given == Secret(written("whsk_", SEED), None, written("whpk_", PUBLIC))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "begin with whsk_"),
        (written("whsec_", SEED), "begin with whsk_"),
        (written("whpk_", PUBLIC), "begin with whsk_"),
        ("whsk_", "has 0"),
        (written("whsk_", SEED[:-1]), "has 31"),
        (written("whsk_", SEED + PUBLIC[:-1]), "has 63"),
        (written("whsk_", SEED + SEED), "belongs to another seed"),
        ("whsk_not base64!!", "not base64"),
        ("whsk_ÄÄÄÄ", "not base64"),
    ],
)
def test_what_is_no_signing_key_is_refused_without_repeating_it(given: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"^A signing key is whsk_ followed by") as caught:
        prepare_secret("ed25519", given, secrets.token_bytes)
    assert why in str(caught.value)
    assert len(given) < 10 or given.partition("_")[2] not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("whpk_", "has 0"),
        (written("whpk_", PUBLIC + PUBLIC), "has 64"),
        ("whpk_not base64!!", "not base64"),
        (written("whsk_", SEED), "whsec_"),
    ],
)
def test_a_receiver_takes_secrets_and_public_keys_only(given: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_verifier(given)
    with pytest.raises(ValueError, match="begin with whpk_"):
        read_public_key(written("whsk_", SEED))


def test_a_receiver_may_have_both_kinds_at_once() -> None:
    old = prepare_secret("hmac", None, secrets.token_bytes)
    new = pair()
    for headers in (signed(old), signed(new), signed(new, old)):
        verify([old.value, public(new)], headers, BODY, AT)


@pytest.mark.parametrize("signature", ["v1a,", "v1a,AAAA", "v1a,!", "v1a,\udcff", "v1,AAAA", "v1a"])
def test_what_is_no_signature_is_not_believed(signature: str) -> None:
    mine = pair()
    with pytest.raises(ValueError, match="not made with"):
        verify([public(mine)], signed(mine) | {"webhook-signature": signature}, BODY, AT)


def test_a_signature_is_not_believed_under_the_name_of_the_other_kind() -> None:
    mine = pair()
    headers = signed(mine)
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1a,", "v1,")
    with pytest.raises(ValueError, match="not made with"):
        verify([public(mine)], headers, BODY, AT)


def test_the_library_is_not_imported_for_hmac() -> None:
    program = (
        "import sys, sendook_lite.app\n"
        "from sendook_lite.domain.signing import prepare_secret, signing_key\n"
        "signing_key(prepare_secret('hmac', None, bytes))\n"
        "sys.exit('cryptography' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
