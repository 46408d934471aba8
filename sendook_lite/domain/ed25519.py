"""Ed25519 key pairs as Standard Webhooks writes them: ``whsk_`` signs, ``whpk_`` verifies.

Imported only where such a key is in use: the library behind it is heavy, and few webhooks need it.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
SIGNATURE_PREFIX = b"v1a,"
_SEED_BYTES = 32
_PUBLIC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """A private key that signs; ``expires_at`` (epoch ms) is None for a webhook's current one."""

    key: Ed25519PrivateKey = field(repr=False)
    expires_at: int | None = None

    def sign(self, *content: bytes) -> str:
        """Return ``v1a,`` and the base64 of the 64 bytes of a signature (RFC 8032, section 5.1)."""
        return "v1a," + b64encode(self.key.sign(b"".join(content))).decode("ascii")


def new_private_key(random_bytes: Callable[[int], bytes]) -> str:
    """Make a private key: ``whsk_`` and the base64 of 32 random bytes, the seed."""
    return _write_seed(random_bytes(_SEED_BYTES))


def normalize_private_key(text: str) -> str:
    """Return a private key the way it is kept: ``whsk_`` and its seed alone.

    Raises:
        ValueError: as for ``read_private_key``.
    """
    return _write_seed(read_private_key(text).private_bytes_raw())


def read_private_key(text: str) -> Ed25519PrivateKey:
    """Read ``whsk_`` and the base64 of a seed, or of a seed and its public key.

    The specification does not say which of the two "the secret key" is: RFC 8032 calls the seed so,
    libsodium and Svix the seed with the public key behind it.

    Raises:
        ValueError: with a sentence that says what would be right and does not repeat the key.
    """
    wanted = (
        f"A signing key is {PRIVATE_PREFIX} followed by the base64 of {_SEED_BYTES} bytes, the seed"
        f" (or of {_SEED_BYTES + _PUBLIC_BYTES}, the seed and its public key)"
    )
    raw = _read(text, PRIVATE_PREFIX, wanted)
    if len(raw) not in {_SEED_BYTES, _SEED_BYTES + _PUBLIC_BYTES}:
        raise ValueError(f"{wanted}; this one has {len(raw)}.")
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    if raw[_SEED_BYTES:] not in {b"", key.public_key().public_bytes_raw()}:
        raise ValueError(f"{wanted}; this public key belongs to another seed.")
    return key


def public_key_of(text: str) -> str:
    """Return the public key of a private one, both written with their prefixes."""
    raw = read_private_key(text).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + b64encode(raw).decode("ascii")


def read_public_key(text: str) -> Ed25519PublicKey:
    """Read ``whpk_`` and the base64 of 32 bytes.

    Raises:
        ValueError: with a sentence that says what would be right.
    """
    wanted = f"A public key is {PUBLIC_PREFIX} followed by the base64 of {_PUBLIC_BYTES} bytes"
    raw = _read(text, PUBLIC_PREFIX, wanted)
    if len(raw) != _PUBLIC_BYTES:
        raise ValueError(f"{wanted}; this one has {len(raw)}.")
    return Ed25519PublicKey.from_public_bytes(raw)


def has_signed(key: Ed25519PublicKey, content: bytes, given: Iterable[bytes]) -> bool:
    """Say whether one of the signatures, as they stand in the header, was made with a key."""
    return any(_verifies(key, content, one) for one in given if one.startswith(SIGNATURE_PREFIX))


def _verifies(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    try:
        key.verify(b64decode(signature.removeprefix(SIGNATURE_PREFIX), validate=True), content)
    except (InvalidSignature, ValueError):  # not base64 is a ValueError too
        return False
    return True


def _write_seed(seed: bytes) -> str:
    return PRIVATE_PREFIX + b64encode(seed).decode("ascii")


def _read(text: str, prefix: str, wanted: str) -> bytes:
    if not text.startswith(prefix):
        raise ValueError(f"{wanted}; this one does not begin with {prefix}.")
    try:
        return b64decode(text.removeprefix(prefix), validate=True)
    except (Base64Error, ValueError):
        raise ValueError(f"{wanted}; what follows {prefix} is not base64.") from None
