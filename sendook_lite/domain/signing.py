"""Signs webhooks, and verifies them where we are the receiver (Standard Webhooks 1.0).

The signed content is ``id.timestamp.body``; the signature is ``v1,`` and the base64 of its
HMAC-SHA256. While a secret is being rotated the header holds one signature per secret.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that names a secret, not a secret
_NEW_SECRET_BYTES = 32
_MIN_SECRET_BYTES = 24
_MAX_SECRET_BYTES = 64
TOLERANCE_SECONDS = 300
"""How old, or how far ahead, a received timestamp may be."""

_ID = "webhook-id"
_TIMESTAMP = "webhook-timestamp"
_SIGNATURE = "webhook-signature"
_MAX_TIMESTAMP_DIGITS = 15


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
    return _sign_content(key, b"%b.%d.%b" % (event_id.encode(), timestamp, body))


def signature_header(keys: Sequence[bytes], event_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature``: one signature per key, in their order.

    Single spaces between them and one comma in each: many verifiers split without care.
    """
    content = b"%b.%d.%b" % (event_id.encode(), timestamp, body)
    if len(keys) == 1:
        return _sign_content(keys[0], content)
    return " ".join(_sign_content(key, content) for key in keys)


def verify(
    secrets: Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    now: int,
    tolerance: int = TOLERANCE_SECONDS,
) -> None:
    """Verify a received webhook; takes as long for a wrong signature as for a right one.

    Args:
        secrets: those that are valid now; one signature by one of them is enough.
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
    expected = [_sign_content(secret_bytes(secret), content).encode() for secret in secrets]
    # A list, not a generator: every pair is compared, whichever matches.
    matches = [hmac.compare_digest(right, one) for right in expected for one in given]
    if not any(matches):
        raise ValueError(f"The {_SIGNATURE} was not made with this secret over these bytes.")


def _raw(text: str) -> bytes:
    """Return a header's bytes; servers decode those that are not UTF-8 into surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _sign_content(key: bytes, content: bytes) -> str:
    digest = hmac.digest(key, content, "sha256")
    return "v1," + b2a_base64(digest, newline=False).decode("ascii")
