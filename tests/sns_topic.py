"""Amazon SNS as far as it is seen from outside: signed messages and their certificate."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sendook_lite.domain.clock import iso

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE_URL = f"{HOST}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SUBSCRIBE_URL = f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f"


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate(at: int) -> bytes:
    """Return a certificate that is valid for a day before and after a moment (epoch ms)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    moment = datetime.fromtimestamp(at / 1000, UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .sign(key(), hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM)


def signed(message: Any, at: int, *, version: str = "1", **fields: Any) -> dict[str, Any]:
    """Return a message as SNS posts it; what is given as None is left out."""
    document = {
        "Type": "Notification",
        "MessageId": "6b6b1f1e-0000-5000-8000-000000000001",
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": iso(at),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        **fields,
    }
    document = {name: value for name, value in document.items() if value is not None}
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if document["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    content = "".join(f"{name}\n{document[name]}\n" for name in names if name in document)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = key().sign(content.encode(), PKCS1v15(), algorithm)
    return {**document, "Signature": base64.b64encode(signature).decode()}


def confirmation(at: int, kind: str = "SubscriptionConfirmation", **fields: Any) -> dict[str, Any]:
    more = {"Type": kind, "SubscribeURL": SUBSCRIBE_URL, "Token": "2336412f", **fields}
    return signed("You have chosen to subscribe.", at, **more)
