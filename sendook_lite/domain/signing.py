"""Signs webhooks, and verifies them where we are the receiver (Standard Webhooks 1.0).

The signed content is ``id.timestamp.body``; the signature is ``v1,`` and the base64 of its
HMAC-SHA256, or ``v1a,`` and that of its Ed25519 signature. While a secret is being rotated the
header holds one signature per secret.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Protocol

from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.model import Secret, Signing

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that names a secret, not a secret
_PRIVATE_PREFIX = "whsk_"
_PUBLIC_PREFIX = "whpk_"
_NEW_SECRET_BYTES = 32
_MIN_SECRET_BYTES = 24
_MAX_SECRET_BYTES = 64
TOLERANCE_SECONDS = 300
"""How old, or how far ahead, a received timestamp may be."""

_ID = "webhook-id"
_TIMESTAMP = "webhook-timestamp"
_SIGNATURE = "webhook-signature"
_MAX_TIMESTAMP_DIGITS = 15

_BLOCK = sha256().block_size
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))

Verifier = Callable[[bytes, Sequence[bytes]], bool]
"""Says of signed content and the signatures in the header whether one of them is right."""


class SigningKey(Protocol):
    """What makes one of the signatures of a request."""

    @property
    def expires_at(self) -> int | None:
        """Epoch ms from which on it does not sign; None for a webhook's current key."""
        ...

    def sign(self, *content: bytes) -> str:
        """Return one signature over pieces in a row, as it stands in the header."""
        ...


class HmacKey:
    """The bytes within a secret; ``expires_at`` (epoch ms) is None for the current one.

    The key is hashed once, not for each signature (RFC 2104, section 4).
    """

    def __init__(self, key: bytes, expires_at: int | None = None) -> None:
        self.expires_at = expires_at
        block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = sha256(block.translate(_INNER))
        self._outer = sha256(block.translate(_OUTER))

    def sign(self, *content: bytes) -> str:
        """Return ``v1,`` and a base64 of 44 characters."""
        inner, outer = self._inner.copy(), self._outer.copy()
        for piece in content:
            inner.update(piece)
        outer.update(inner.digest())
        return "v1," + b2a_base64(outer.digest(), newline=False).decode("ascii")


def signing_key(secret: Secret) -> SigningKey:
    """Read a stored secret into what signs.

    Raises:
        ValueError: with a sentence that does not repeat the secret.
    """
    if secret.value.startswith(_PRIVATE_PREFIX):
        from sendook_lite.domain import ed25519  # noqa: PLC0415 - heavy, and few webhooks need it

        return ed25519.Ed25519Key(ed25519.read_private_key(secret.value), secret.expires_at)
    return HmacKey(secret_bytes(secret.value), secret.expires_at)


def prepare_secret(
    signing: Signing, given: str | None, random_bytes: Callable[[int], bytes]
) -> Secret:
    """Judge the secret that was given for a webhook, or make one.

    Raises:
        ValueError: with a sentence that says what would be right and does not repeat the secret.
    """
    if signing == "hmac":
        if given is None:
            return Secret(new_secret(random_bytes), None)
        secret_bytes(given)
        return Secret(given, None)
    from sendook_lite.domain import ed25519  # noqa: PLC0415 - heavy, and few webhooks need it

    if given is None:
        private = ed25519.new_private_key(random_bytes)
    else:
        private = ed25519.normalize_private_key(given)
    return Secret(private, None, ed25519.public_key_of(private))


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """Make a secret: ``whsec_`` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + b64encode(random_bytes(_NEW_SECRET_BYTES)).decode("ascii")


def secret_bytes(secret: str) -> bytes:
    """Return the key within a secret.

    Raises:
        ValueError: with a sentence that says what would be right and does not repeat the secret.
    """
    wanted = (
        f"A secret is {SECRET_PREFIX} followed by the base64 of"
        f" {_MIN_SECRET_BYTES} to {_MAX_SECRET_BYTES} bytes"
    )
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"{wanted}; this one does not begin with {SECRET_PREFIX}.")
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (Base64Error, ValueError):
        raise ValueError(f"{wanted}; what follows {SECRET_PREFIX} is not base64.") from None
    if not _MIN_SECRET_BYTES <= len(key) <= _MAX_SECRET_BYTES:
        raise ValueError(f"{wanted}; this one has {len(key)}.")
    return key


def sign(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """Sign one attempt.

    Args:
        key: the bytes within the secret.
        event_id: the ``webhook-id``.
        timestamp: Unix seconds of this attempt, the ``webhook-timestamp``.
        body: exactly the bytes that are sent.

    Returns:
        ``v1,`` and a base64 of 44 characters.
    """
    return HmacKey(key).sign(_before_body(event_id, timestamp), body)


def signature_header(keys: Sequence[SigningKey], event_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature``: one signature per key that is valid then, in their order.

    Single spaces between them and one comma in each: many verifiers split without care.

    Args:
        keys: the current one first; it never expires.
        event_id: the ``webhook-id``.
        timestamp: Unix seconds of this attempt, the ``webhook-timestamp``.
        body: exactly the bytes that are sent.
    """
    start = _before_body(event_id, timestamp)
    if len(keys) == 1:
        return keys[0].sign(start, body)
    now = timestamp * MS_PER_SECOND
    return " ".join(
        key.sign(start, body) for key in keys if key.expires_at is None or now < key.expires_at
    )


def verify(
    secrets: Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    now: int,
    tolerance: int = TOLERANCE_SECONDS,
) -> None:
    """Verify a received webhook; takes as long for a wrong signature as for a right one.

    Args:
        secrets: those that are valid now, ``whsec_…`` or public keys, ``whpk_…``; one signature by
            one of them is enough.
        headers: of the request; a mapping that ignores case, or with names in lower case.
        body: exactly the bytes that were received.
        now: Unix seconds.
        tolerance: seconds that the timestamp may be off, in both directions.

    Raises:
        ValueError: with a sentence that says why the request is not to be believed.
    """
    for name in (_ID, _TIMESTAMP, _SIGNATURE):
        if not headers.get(name):
            raise ValueError(f"The {name} header is missing.")
    stamp = headers[_TIMESTAMP]
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _MAX_TIMESTAMP_DIGITS):
        raise ValueError(f"The {_TIMESTAMP} header is not a number of seconds.")
    if abs(now - int(stamp)) > tolerance:
        raise ValueError(f"The {_TIMESTAMP} is more than {tolerance} s away from this clock.")
    # The header's own spelling is signed, so that "007" is not taken for what was signed as "7".
    content = b".".join((_raw(headers[_ID]), _raw(stamp), body))
    given = [_raw(one) for one in headers[_SIGNATURE].split(" ")]
    # A list, not a generator: every secret is tried, whichever matches.
    matches = [read_verifier(secret)(content, given) for secret in secrets]
    if not any(matches):
        raise ValueError(f"The {_SIGNATURE} was not made with this secret over these bytes.")


def read_verifier(secret: str) -> Verifier:
    """Read what a receiver was given, ``whsec_…`` or ``whpk_…``, into what judges signatures.

    Raises:
        ValueError: with a sentence that does not repeat the secret.
    """
    if secret.startswith(_PUBLIC_PREFIX):
        from sendook_lite.domain import ed25519  # noqa: PLC0415 - heavy, and few webhooks need it

        return partial(ed25519.has_signed, ed25519.read_public_key(secret))
    return partial(_has_signed, HmacKey(secret_bytes(secret)))


def _has_signed(key: HmacKey, content: bytes, given: Sequence[bytes]) -> bool:
    expected = key.sign(content).encode()
    # A list again: it takes as long for a wrong signature as for a right one.
    return any([hmac.compare_digest(expected, one) for one in given])  # noqa: C419 - see above


def _before_body(event_id: str, timestamp: int) -> bytes:
    return f"{event_id}.{timestamp}.".encode()


def _raw(text: str) -> bytes:
    """Return a header's bytes; servers decode those that are not UTF-8 into surrogates."""
    return text.encode("utf-8", "surrogateescape")
