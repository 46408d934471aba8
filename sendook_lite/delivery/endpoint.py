"""What a request is made of: where it goes, what it carries, and its bytes on the wire."""

from dataclasses import dataclass, field

from sendook_lite.delivery.connections import Origin
from sendook_lite.domain.custom_headers import check_headers
from sendook_lite.domain.endpoint_url import EndpointUrl
from sendook_lite.domain.model import DueDelivery
from sendook_lite.domain.signing import SigningKey, signature_header


@dataclass(frozen=True, slots=True)
class Endpoint:
    """All that is needed to reach one webhook; prepared once per change of the webhook.

    Attributes:
        webhook_id: whose endpoint it is; names the lane in the resolver.
        url: where the requests go.
        keys: what signs, the current one first, which never expires.
        headers: the webhook's own headers.
        timeout: seconds for a whole attempt.
        origin: scheme, host and port; connections are kept by it.
        head: request line and Host, ready to be sent.
        tail: the own headers and the end of the head, ready to be sent.

    Raises:
        ValueError: a header that may not be sent, or no current key.
    """

    webhook_id: str
    url: EndpointUrl
    keys: tuple[SigningKey, ...]
    headers: tuple[tuple[str, str], ...]
    timeout: float
    origin: Origin = field(init=False, repr=False)
    head: bytes = field(init=False, repr=False)
    tail: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.keys or self.keys[0].expires_at is not None:
            raise ValueError("An endpoint needs a current secret to sign with.")
        check_headers(self.headers)
        _check_plain(self.url.target + self.url.host_header)
        head = f"POST {self.url.target} HTTP/1.1\r\nhost: {self.url.host_header}\r\n"
        tail = "".join(f"{name}: {value}\r\n" for name, value in self.headers) + "\r\n"
        origin = (self.url.scheme, self.url.host, self.url.port)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "head", head.encode("ascii"))
        object.__setattr__(self, "tail", tail.encode("ascii"))


def render_common(version: str) -> bytes:
    """Render the headers that never change; ``version`` is the product's."""
    _check_plain(version)
    return (
        "content-type: application/json\r\n"
        f"user-agent: Sendook-Lite/{version}\r\n"
        "accept-encoding: identity\r\n"
    ).encode("ascii")


def render_request(
    endpoint: Endpoint, delivery: DueDelivery, common: bytes, timestamp: int
) -> bytes:
    """Render the bytes of one attempt, head and body, signed at ``timestamp`` (Unix seconds).

    Raises:
        ValueError: a text that would break the header it stands in.
    """
    event_id, body = delivery.event_id, delivery.body
    _check_plain(f"{event_id}{delivery.event_type}{delivery.id}")
    signature = signature_header(endpoint.keys, event_id, timestamp, body)
    varying = (
        f"content-length: {len(body)}\r\n"
        f"webhook-id: {event_id}\r\n"
        f"webhook-timestamp: {timestamp}\r\n"
        f"webhook-signature: {signature}\r\n"
        f"x-sendook-event: {delivery.event_type}\r\n"
        f"x-sendook-delivery: {delivery.id}\r\n"
        f"x-sendook-attempt: {delivery.attempt_count + 1}\r\n"
    )
    return b"".join((endpoint.head, common, varying.encode("ascii"), endpoint.tail, body))


def _check_plain(text: str) -> None:
    """Refuse what could end a header line or mean different things to different readers."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("Ids, event types and URLs are printable ASCII without spaces.")
