"""Messages of Amazon SNS: read, and believed only when their signature proves them.

The certificate is not checked against an authority: it is fetched by TLS from a host that only
Amazon has, and that is what makes it Amazon's. Hence the care with hosts.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sendook_lite.domain.clock import parse_iso
from sendook_lite.domain.errors import Forbidden, Invalid

NOTIFICATION: Final = "Notification"
SUBSCRIPTION: Final = "SubscriptionConfirmation"
UNSUBSCRIPTION: Final = "UnsubscribeConfirmation"

MOST_AGE: Final = 24 * 3600 * 1000
"""How old a message may be, in ms. SNS tries for an hour at most, as it is set up by default."""

MOST_AHEAD: Final = 15 * 60 * 1000
"""How far ahead of our clock its clock may be, in ms."""

_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
"""What is signed, in this order; a Subject only where there is one."""

_SIGNED_ALWAYS: Final = ("Message", "MessageId", "Timestamp", "TopicArn", "Type")
_HOST: Final = re.compile(r"sns\.[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d\.amazonaws\.com(?:\.cn)?")

_CERTIFICATE_PATH: Final = re.compile(r"/SimpleNotificationService-[0-9a-zA-Z]{1,128}\.pem")


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message of SNS, well-formed and not yet believed; ``timestamp`` in epoch ms."""

    kind: str
    message_id: str
    topic_arn: str
    message: str
    timestamp: int
    signature_version: str
    signature: bytes
    certificate_url: str
    subscribe_url: str
    canonical: bytes


def read_message(document: Mapping[str, Any]) -> SnsMessage:
    """Read a message.

    Raises:
        Invalid: it is none. One without an envelope comes where "raw message delivery" is on.
    """
    fields = {name: value for name, value in document.items() if isinstance(value, str)}
    kind = fields.get("Type", "")
    if kind not in {NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION}:
        raise Invalid("this is no message of SNS; raw message delivery must be off", code="not_sns")
    signed = _SIGNED[NOTIFICATION if kind == NOTIFICATION else SUBSCRIPTION]
    needed = (*_SIGNED_ALWAYS, *(name for name in signed if name != "Subject"))
    for name in (*needed, "Signature", "SignatureVersion", "SigningCertURL"):
        if not fields.get(name):
            raise Invalid(f"{name} is missing", code="missing_field")
    try:
        timestamp = parse_iso(fields["Timestamp"])
        signature = binascii.a2b_base64(fields["Signature"], strict_mode=True)
    except ValueError as error:
        raise Invalid(
            "Timestamp must be an ISO 8601 time, Signature base64", code="invalid_field"
        ) from error
    return SnsMessage(
        kind=kind,
        message_id=fields["MessageId"],
        topic_arn=fields["TopicArn"],
        message=fields["Message"],
        timestamp=timestamp,
        signature_version=fields["SignatureVersion"],
        signature=signature,
        certificate_url=fields["SigningCertURL"],
        subscribe_url=fields.get("SubscribeURL", ""),
        canonical="".join(f"{name}\n{fields[name]}\n" for name in signed if name in fields).encode(
            "utf-8", "surrogatepass"
        ),
    )


def check_certificate_url(url: str) -> None:
    """Refuse a URL that is not of a certificate of SNS.

    The host alone is not enough: answers to requests of the SNS API hold what strangers wrote.

    Raises:
        Forbidden: it is of something else.
    """
    check_host(url)
    parts = urlsplit(url)
    if _CERTIFICATE_PATH.fullmatch(parts.path) is None or parts.query:
        raise Forbidden("SigningCertURL is not of a certificate of SNS", "foreign_url")


def check_host(url: str) -> None:
    """Refuse a URL that is not of SNS itself, over https on its own port.

    Raises:
        Forbidden: it is another's.
    """
    try:
        parts = urlsplit(url)
        ours = (
            parts.scheme == "https"
            and parts.netloc == parts.hostname
            and _HOST.fullmatch(parts.netloc) is not None
        )
    except ValueError:
        ours = False
    # Readers of URLs differ about what these mean; SNS uses none of them.
    if not ours or re.search(r"[\s\\]", url):
        raise Forbidden(
            "a URL in the message is not of https://sns.<region>.amazonaws.com", "foreign_url"
        )


def check_age(message: SnsMessage, now: int) -> None:
    """Refuse what is too old to come for the first time, and what is from the future.

    Raises:
        Forbidden: it is one or the other.
    """
    if not -MOST_AHEAD <= now - message.timestamp <= MOST_AGE:
        raise Forbidden("the message's Timestamp is too far from now", "stale_message")


def verify(message: SnsMessage, certificate: bytes, now: int) -> None:
    """Check a message's signature with a certificate in PEM.

    Raises:
        Forbidden: it does not prove the message, or is in a version that is not known.
    """
    # Heavy, and wanted only where SES is in use.
    from sendook_lite.domain.sns_signature import is_signed_by  # noqa: PLC0415

    if not is_signed_by(
        certificate, message.signature_version, message.signature, message.canonical, now
    ):
        raise Forbidden("the message's signature does not prove it", "invalid_signature")
