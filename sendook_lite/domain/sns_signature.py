"""The signature of a message of SNS: RSA with PKCS #1 v1.5, over SHA-1 (version 1) or SHA-256 (2).

Imported only when the first message comes: the library behind it is heavy.
"""

from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from sendook_lite.domain.clock import MS_PER_SECOND

# SHA-1 is what SNS signs with unless a topic is told otherwise. To forge a signature takes a
# second preimage, which nobody can find for SHA-1; collisions are of no use here.
_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "1": hashes.SHA1,
    "2": hashes.SHA256,
}


def is_signed_by(
    certificate: bytes, version: str, signature: bytes, content: bytes, now: int
) -> bool:
    """Say whether a certificate (PEM) that is valid now proves a signature over content."""
    if version not in _HASHES:
        return False
    try:
        read = x509.load_pem_x509_certificate(certificate)
        key = read.public_key()
        moment = datetime.fromtimestamp(now / MS_PER_SECOND, UTC)
        valid = read.not_valid_before_utc <= moment <= read.not_valid_after_utc
        if not valid or not isinstance(key, RSAPublicKey):
            return False
        key.verify(signature, content, PKCS1v15(), _HASHES[version]())
    except (InvalidSignature, ValueError):
        return False
    return True
