"""Signs outgoing mail (DKIM, RFC 6376), so that receivers can tell that it is from its domain.

dkimpy takes the mail apart and brings it into the canonical form; ``cryptography`` signs, with RSA
or Ed25519 (RFC 8463). dkimpy's own signing needs a third library for Ed25519 and does RSA in
Python: 9 ms for a mail of 5 kB instead of 1.4.
"""

import re
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

from sendook_lite.domain.errors import SendookError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KeyKind = Literal["rsa", "ed25519"]

MIN_RSA_BITS: Final = 1024
"""Receivers take no shorter keys (RFC 8301)."""

RSA_BITS: Final = 2048

SIGNED: Final = (
    b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to",
    b"references", b"mime-version", b"content-type", b"content-transfer-encoding",
    b"auto-submitted", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
SEALED: Final = frozenset({b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to"})
"""Named once more than they occur: nobody can add one without breaking the signature."""

_POLICY: Final = b"relaxed/relaxed"
_SELECTOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*", re.IGNORECASE)
_LINE: Final = 72


class BadDkimKey(SendookError):
    """The private key cannot be used; says why."""

    def __init__(self, why: str) -> None:
        super().__init__("bad_dkim_key", why)


class DkimSigner:
    """Signs with one key under one selector; for any domain whose DNS has the public key."""

    def __init__(self, selector: str, pem: bytes) -> None:
        """Read a private key.

        Args:
            selector: the name under which the public key stands in the DNS.
            pem: the key, PKCS#8 or PKCS#1 PEM without a password.

        Raises:
            BadDkimKey: it cannot be read, is too short or of another kind, or the selector is none.
        """
        if not _SELECTOR.fullmatch(selector):
            raise BadDkimKey(f'the selector {selector!r} is not a DNS name such as "sendook"')
        self.selector = selector
        self._key = _read_key(pem)

    @property
    def kind(self) -> KeyKind:
        """Which kind of key it is."""
        return "rsa" if hasattr(self._key, "key_size") else "ed25519"

    @property
    def record(self) -> str:
        """The TXT record that is to stand at ``<selector>._domainkey.<domain>``."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see _read_key

        public = self._key.public_key()
        if self.kind == "rsa":
            form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        else:
            form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        return f"v=DKIM1; k={self.kind}; p={b64encode(public.public_bytes(*form)).decode()}"

    def sign(self, raw: bytes, domain: str) -> bytes:
        """Return a mail with its signature before it.

        Args:
            raw: the mail as it will be sent; lines end with CRLF.
            domain: that of the From address, in ASCII form; it answers for the mail.
        """
        import dkim  # noqa: PLC0415 - 60 ms that only senders need
        from dkim.canonicalization import CanonicalizationPolicy  # noqa: PLC0415

        policy = CanonicalizationPolicy.from_c_value(_POLICY)
        headers, body = dkim.rfc822_parse(raw)
        signed = [(name.lower(), value) for name, value in headers if name.lower() in SIGNED]
        names = [name for name in SIGNED for each, _ in signed if each == name]
        names += sorted(SEALED)
        text = (
            f"v=1; a={self.kind}-sha256; c={_POLICY.decode()};\r\n"
            f" d={domain}; s={self.selector};\r\n"
            + _fold(f" h={':'.join(name.decode() for name in names)};", ":")
            + f"\r\n bh={b64encode(sha256(policy.canonicalize_body(body)).digest()).decode()};"
            "\r\n b="
        )
        # From the last of a name upwards (section 5.4.2); one that is not there is empty.
        chosen = [
            header
            for name in dict.fromkeys(names)
            for header in reversed(signed)
            if header[0] == name
        ]
        chosen.append((b"dkim-signature", f" {text}".encode()))
        canonical = b"".join(
            name + b":" + value for name, value in policy.canonicalize_headers(chosen)
        ).removesuffix(b"\r\n")
        signature = b64encode(self._sign(sha256(canonical).digest())).decode()
        pieces = [signature[at : at + _LINE] for at in range(0, len(signature), _LINE)]
        return f"DKIM-Signature: {text}{(chr(13) + chr(10) + '  ').join(pieces)}\r\n".encode() + raw

    def _sign(self, digest: bytes) -> bytes:
        if self.kind == "ed25519":
            return self._key.sign(digest)  # type: ignore[call-arg]  # RFC 8463: the hash is signed
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding, utils  # noqa: PLC0415

        return self._key.sign(  # type: ignore[call-arg]
            digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256())
        )


def generate_key(kind: KeyKind) -> bytes:
    """Make a private key: PKCS#8 PEM, without a password."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: PLC0415

    key = (
        rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate()
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read_key(pem: bytes) -> "RSAPrivateKey | Ed25519PrivateKey":
    # Imported where needed: 40 ms that a server without a key does not pay.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise BadDkimKey("the key has a password; one without is needed") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadDkimKey("it holds no private key in PEM form") from error
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise BadDkimKey(f"the key has {key.key_size} bits; receivers want {RSA_BITS}")
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    raise BadDkimKey("the key is neither RSA nor Ed25519")


def _fold(line: str, separator: str) -> str:
    """Break a long line behind separators, so that none is longer than mail likes."""
    lines, current = [], ""
    for piece in line.split(separator):
        addition = f"{separator}{piece}" if current else piece
        if len(current) + len(addition) > _LINE:
            lines.append(current + separator)
            current = f"  {piece}"
        else:
            current += addition
    return "\r\n".join([*lines, current])
