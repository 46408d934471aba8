"""The nouns of the product as the store keeps them and the use cases pass them around.

Times are epoch milliseconds. ``seq`` is the row's place in commit order; it never leaves the
process, the ``id`` does. What is made for every event and every attempt is a named tuple: a frozen
dataclass of ten fields takes five times as long to make.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from sendook_lite.domain.dns_records import Finding

Scope = Literal["read", "write", "admin"]
Signing = Literal["hmac", "ed25519"]
WebhookStatus = Literal["enabled", "disabled"]
DisabledReason = Literal["gone", "manual", "repeated_failures"]
DeliveryStatus = Literal["pending", "delivered", "failed", "canceled"]
Trigger = Literal["scheduled", "manual", "replay", "test"]
Direction = Literal["inbound", "outbound"]
SuppressionReason = Literal["bounced", "complained"]
ReplayScope = Literal["undelivered", "failed", "all"]
ReplayState = Literal["running", "done", "canceled"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the API; only a SHA-256 of it is stored."""

    seq: int
    id: str
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    inbox_ids: tuple[str, ...]
    created_at: int
    updated_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None

    @property
    def active(self) -> bool:
        """Whether the key opens anything."""
        return self.revoked_at is None


@dataclass(frozen=True, slots=True)
class Inbox:
    """An address that receives and sends."""

    seq: int
    id: str
    name: str | None
    email: str
    created_at: int
    updated_at: int
    domain_id: str | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that was added while running; its mail is taken once it is verified."""

    seq: int
    id: str
    name: str
    verified_at: int | None
    findings: tuple[Finding, ...]
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class AttachmentInfo:
    """One attachment of a stored message.

    ``part`` finds its bytes in the raw mail again; ``content`` is base64 of them and kept only
    while all attachments of the message together are small.
    """

    id: str
    name: str
    content_type: str
    size: int
    part: int
    content_id: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A mail as the API shows it; what is unset is None or empty."""

    seq: int
    id: str
    inbox_id: str
    thread_id: str
    direction: Direction
    status: str
    external_message_id: str | None
    created_at: int
    updated_at: int
    content: "MessageContent"


@dataclass(frozen=True, slots=True)
class MessageContent:
    """Everything of a message that is only ever read together.

    ``recipients`` (``{"address", "status"[, "detail"]}``) tell what became of a mail that is sent;
    they are rows of their own and are not stored with the rest.
    """

    from_address: str
    from_name: str | None = None
    envelope_from: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: str | None = None
    subject: str = ""
    text: str = ""
    full_text: str = ""
    html: str = ""
    labels: tuple[str, ...] = ()
    attachments: tuple[AttachmentInfo, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    date: int | None = None
    auto_submitted: bool = False
    spam: dict[str, Any] | None = None
    authentication: dict[str, Any] | None = None
    parse_error: str | None = None
    recipients: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """Messages of one conversation in one inbox.

    ``message_ids`` are the oldest; ``truncated``: there are more.
    """

    seq: int
    id: str
    inbox_id: str
    subject: str
    created_at: int
    updated_at: int
    message_ids: tuple[str, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address, as compared, that nothing is sent to, and the mail that taught us."""

    address: str
    reason: SuppressionReason
    message_id: str
    created_at: int

    @property
    def id(self) -> str:
        """What names it in a list: the address."""
        return self.address


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL and the events it is told about. ``status`` counters live beside it in the store."""

    seq: int
    id: str
    url: str
    events: tuple[str, ...]
    status: WebhookStatus
    created_at: int
    updated_at: int
    disabled_reason: DisabledReason | None = None
    description: str | None = None
    inbox_ids: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    retry_schedule: tuple[float, ...] | None = None
    timeout: float | None = None
    rate_limit: float | None = None
    consecutive_failures: int = 0
    public_key: str | None = None

    @property
    def signing(self) -> Signing:
        """How its requests are signed; chosen when it is made, for good."""
        return "hmac" if self.public_key is None else "ed25519"


@dataclass(frozen=True, slots=True)
class Secret:
    """One signing secret of a webhook; the current one never expires.

    With a ``public_key`` (``whpk_…``) it is a private one (``whsk_…``), which nobody is shown.
    """

    value: str = field(repr=False)
    expires_at: int | None
    public_key: str | None = None

    @property
    def shown(self) -> str | None:
        """What the webhook's owner is shown of it."""
        return self.value if self.public_key is None else None


class NewEvent(NamedTuple):
    """Something that has just happened and is about to be added to the log."""

    type: str
    payload: dict[str, Any]
    inbox_id: str | None = None
    message_id: str | None = None


class Event(NamedTuple):
    """Something that happened. Never changes."""

    seq: int
    id: str
    type: str
    inbox_id: str | None
    message_id: str | None
    body: bytes
    created_at: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event owed to one webhook."""

    seq: int
    id: str
    event_id: str
    webhook_id: str
    event_type: str
    status: DeliveryStatus
    attempt_count: int
    due_at: int | None
    last_status: int | None
    last_error: str | None
    created_at: int
    updated_at: int
    completed_at: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request made for a delivery; ``status`` is None when there was no answer."""

    seq: int
    id: str
    webhook_id: str
    delivery_id: str
    event_id: str
    inbox_id: str | None
    message_id: str | None
    event_body: bytes
    number: int
    trigger: Trigger
    status: int | None
    error: str | None
    response: str | None
    duration_ms: int
    created_at: int


@dataclass(frozen=True, slots=True)
class HourCount:
    """Deliveries that ended within an hour; ``start`` is its beginning."""

    start: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class WebhookStatistics:
    """How a webhook has done, as far back as events are kept; durations in ms."""

    delivered: int
    failed: int
    pending: int
    p50_ms: int
    p95_ms: int
    last_success_at: int | None
    last_failure_at: int | None
    hours: tuple[HourCount, ...]

    @property
    def success_rate(self) -> float:
        """Which share of the deliveries that ended was delivered; 1 while none has."""
        ended = self.delivered + self.failed
        return self.delivered / ended if ended else 1.0


@dataclass(frozen=True, slots=True)
class Replay:
    """A period of the log that is being sent again to one webhook.

    ``matched`` counts the events that were asked for, ``created`` the deliveries opened for them;
    ``delivered`` and ``failed`` those of these that have ended.
    """

    seq: int
    id: str
    webhook_seq: int
    webhook_id: str
    since: int
    until: int
    events: tuple[str, ...] | None
    scope: ReplayScope
    state: ReplayState
    cursor_at: int
    cursor_seq: int
    matched: int
    created: int
    delivered: int
    failed: int
    created_at: int
    updated_at: int


class DueDelivery(NamedTuple):
    """A delivery whose time has come, with all that an attempt needs besides the endpoint.

    ``generation`` tells whether it was re-opened or canceled while an attempt was under way;
    ``tries`` counts the attempts since it was opened, ``attempt_count`` those ever made.
    """

    seq: int
    id: str
    webhook_seq: int
    event_id: str
    event_type: str
    body: bytes
    attempt_count: int
    tries: int
    trigger: Trigger
    generation: int
    replay_seq: int | None = None


class Settlement(NamedTuple):
    """What an attempt brought and what becomes of its delivery; ready to be recorded.

    ``started_at`` is a stamp; ``due_at`` (with the ``delay`` that led to it, both in ms) is set
    exactly while the delivery stays pending. ``gone_url`` is set when that URL wants no event ever
    again: a webhook that still leads there is disabled.
    """

    delivery: DueDelivery
    started_at: int
    duration_ms: int
    status: int | None
    error: str | None
    response: str | None
    state: DeliveryStatus
    due_at: int | None = None
    delay: int = 0
    gone_url: str | None = None
