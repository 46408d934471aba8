"""DKIM: what is signed here verifies elsewhere, and breaks when it is touched."""

import base64
from email.message import EmailMessage
from email.policy import SMTP
from types import SimpleNamespace
from typing import Any

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sendook_lite.domain.dkim import BadDkimKey, DkimSigner, generate_key

RSA = generate_key("rsa")
ED25519 = generate_key("ed25519")


class Nacl:
    """dkimpy verifies Ed25519 with PyNaCl; the few names it uses, over another library."""

    class BadSignatureError(Exception):
        pass

    class VerifyKey:
        def __init__(self, key: bytes, encoder: Any) -> None:
            del encoder
            raw = base64.b64decode(key)
            self._key = ed25519.Ed25519PublicKey.from_public_bytes(raw)

        def verify(self, message: bytes, signature: bytes) -> None:
            try:
                self._key.verify(signature, message)
            except InvalidSignature as error:
                raise Nacl.BadSignatureError from error


@pytest.fixture(autouse=True)
def _ed25519(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(
        signing=SimpleNamespace(VerifyKey=Nacl.VerifyKey),
        encoding=SimpleNamespace(Base64Encoder=None),
        exceptions=SimpleNamespace(ValueError=ValueError, BadSignatureError=Nacl.BadSignatureError),
    )
    monkeypatch.setattr(dkim, "nacl", fake, raising=False)


def mail(**headers: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Ann Ä. <ann@mail.example>"
    message["To"] = ", ".join(f"somebody-{n}@elsewhere.example" for n in range(9))
    message["Subject"] = "Grüße, and a subject that is long enough to be folded onto two lines " * 2
    message["Message-ID"] = "<1@mail.example>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(
        "Hello.\n\n.\n  two spaces  \n" + "é" * 300 + "\n\n\n", cte="quoted-printable"
    )
    return message.as_bytes()


def verified(raw: bytes, signer: DkimSigner, domain: bytes = b"mail.example") -> bool:
    name = signer.selector.encode() + b"._domainkey." + domain + b"."

    def look_up(asked: bytes, timeout: float = 0) -> bytes | None:
        del timeout
        return signer.record.encode() if asked == name else None

    return bool(dkim.verify(raw, dnsfunc=look_up, minkey=1024))


@pytest.mark.parametrize("pem", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_a_signed_mail_verifies_elsewhere(pem: bytes) -> None:
    signer = DkimSigner("sendook", pem)
    raw = mail(Cc="c@x.example", Reply_To="r@x.example", References="<a@x> <b@y>")
    signed = signer.sign(raw, "mail.example")
    assert signed.endswith(raw)
    assert signed.startswith(b"DKIM-Signature: v=1; a=" + signer.kind.encode() + b"-sha256;")
    head = signed[: -len(raw)]
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    assert verified(signed, signer)
    assert not verified(signed, DkimSigner("sendook", generate_key(signer.kind)))


@pytest.mark.parametrize("pem", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_what_is_changed_or_added_breaks_the_signature(pem: bytes) -> None:
    signer = DkimSigner("s1.mail", pem)
    signed = signer.sign(mail(), "mail.example")
    assert verified(signed, signer)
    for old, new in (
        (b"ann@mail.example", b"eve@mail.example"),
        (b"somebody-3", b"somebody-4"),
        (b"Hello.", b"Hello!"),
        (b"Message-ID: <1@", b"Message-ID: <2@"),
        (b"\r\nTo: ", b"\r\nFrom: eve@mail.example\r\nTo: "),
        (b"\r\nTo: ", b"\r\nSubject: another\r\nTo: "),
        (b"\r\nTo: ", b"\r\nReply-To: eve@elsewhere.example\r\nTo: "),
        (b"\r\nTo: ", b"\r\nCc: eve@elsewhere.example\r\nTo: "),
    ):
        changed = signed.replace(old, new, 1)
        assert changed != signed
        assert not verified(changed, signer), new
    # What mail servers do on the way does not.
    relayed = b"Received: from here\r\n" + signed.replace(b"\r\nTo: ", b"\r\nTo:  ", 1)
    assert verified(relayed, signer)


def test_mail_without_a_body_or_with_repeated_headers_is_signed() -> None:
    signer = DkimSigner("sendook", RSA)
    assert verified(signer.sign(b"From: a@mail.example\r\n\r\n", "mail.example"), signer)
    twice = b"From: a@mail.example\r\nReferences: <1@x>\r\nReferences: <2@x>\r\n\r\nText\r\n"
    assert verified(signer.sign(twice, "mail.example"), signer)


def test_keys_of_all_forms_are_read() -> None:
    key = serialization.load_pem_private_key(RSA, None)
    old = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    assert DkimSigner("s", old).record == DkimSigner("s", RSA).record
    assert DkimSigner("s", RSA).record.startswith("v=DKIM1; k=rsa; p=MIIB")
    assert DkimSigner("s", ED25519).record.startswith("v=DKIM1; k=ed25519; p=")


def _pem(key: Any, password: bytes | None = None) -> bytes:
    protection: Any = serialization.NoEncryption()
    if password is not None:
        protection = serialization.BestAvailableEncryption(password)
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    )
    return made


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (_pem(ed25519.Ed25519PrivateKey.generate(), b"secret"), "password"),
        (_pem(ec.generate_private_key(ec.SECP256R1())), "neither"),
        (_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))[:-80], "no private"),
    ],
)
def test_a_bad_key_says_what_is_wrong(pem: bytes, why: str) -> None:
    with pytest.raises(BadDkimKey, match=why):
        DkimSigner("sendook", pem)


@pytest.mark.parametrize("selector", ["", "a b", "a;b", "-a", "a\r\nb", "ä"])
def test_a_selector_is_a_dns_name(selector: str) -> None:
    with pytest.raises(BadDkimKey, match="selector"):
        DkimSigner(selector, RSA)
