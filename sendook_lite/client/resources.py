"""The shapes of what the API answers, for type checkers; at run time they are plain dictionaries.

A key that is ``NotRequired`` is absent when it is unset; nothing is ever null.
"""

from typing import Any, Literal, NotRequired, TypedDict

EventType = Literal[
    "inbox.created",
    "inbox.deleted",
    "inbox.updated",
    "message.sent",
    "message.received",
    "message.delivered",
    "message.bounced",
    "message.complained",
    "message.rejected",
]


class Identified(TypedDict):
    """What every object has; times are ISO 8601 in UTC."""

    id: str
    createdAt: str
    updatedAt: str


class Inbox(Identified):
    """An address that gets mail."""

    email: str
    name: NotRequired[str]
    domainId: NotRequired[str]


class Attachment(TypedDict):
    """What hangs on a message; ``content`` (base64) only in webhooks, and when it is small."""

    id: str
    name: str
    contentType: str
    size: int
    url: str
    contentId: NotRequired[str]
    content: NotRequired[str]


_Sender = TypedDict("_Sender", {"from": str})


class Message(Identified, _Sender):
    """A mail that came in or goes out."""

    inboxId: str
    threadId: str
    fromInboxId: NotRequired[str]
    toInboxId: NotRequired[str]
    fromName: NotRequired[str]
    envelopeFrom: NotRequired[str]
    to: list[str]
    cc: list[str]
    bcc: list[str]
    replyTo: NotRequired[str]
    labels: list[str]
    subject: str
    text: str
    fullText: str
    html: str
    attachments: list[Attachment]
    headers: dict[str, Any]
    externalMessageId: NotRequired[str]
    date: NotRequired[str]
    autoSubmitted: NotRequired[str]
    spam: NotRequired[dict[str, Any]]
    authentication: NotRequired[dict[str, Any]]
    parseError: NotRequired[str]
    recipients: NotRequired[list[dict[str, Any]]]
    status: str


class _AnyThread(Identified):
    inboxId: str
    subject: str
    truncated: NotRequired[bool]


class ThreadSummary(_AnyThread):
    """A conversation as lists show it: with the ids of its messages."""

    messages: list[str]


class Thread(_AnyThread):
    """A conversation with its messages, oldest first."""

    messages: list[Message]


class Webhook(Identified):
    """A subscription of a URL to events; ``secret`` only in the answer that creates it."""

    url: str
    events: list[EventType]
    status: Literal["enabled", "disabled"]
    disabledReason: NotRequired[str]
    description: NotRequired[str]
    inboxIds: NotRequired[list[str]]
    headers: NotRequired[dict[str, str]]
    retrySchedule: NotRequired[list[float]]
    timeout: NotRequired[float]
    rateLimit: NotRequired[float]
    signing: NotRequired[Literal["hmac", "ed25519"]]
    publicKey: NotRequired[str]
    secret: NotRequired[str]


class WebhookChanges(TypedDict, total=False):
    """What may be changed on a webhook; None removes what is optional."""

    url: str
    events: list[EventType]
    status: Literal["enabled", "disabled"]
    description: str | None
    inbox_ids: list[str] | None
    headers: dict[str, str] | None
    retry_schedule: list[float] | None
    timeout: float | None
    rate_limit: float | None


class WebhookOptions(TypedDict, total=False):
    """What may be said of a new webhook besides its URL and events."""

    description: str
    inbox_ids: list[str]
    headers: dict[str, str]
    retry_schedule: list[float]
    timeout: float
    rate_limit: float
    signing: Literal["hmac", "ed25519"]
    secret: str


class FormerSecret(TypedDict):
    """A secret that still signs."""

    expiresAt: str
    publicKey: NotRequired[str]


class Secret(TypedDict):
    """What verifies the signatures of a webhook."""

    secret: NotRequired[str]
    publicKey: NotRequired[str]
    previous: list[FormerSecret]


class Attempt(Identified):
    """One request to an endpoint; ``status`` is 500 when there was no answer."""

    webhookId: str
    deliveryId: str
    eventId: str
    inboxId: NotRequired[str]
    messageId: NotRequired[str]
    timestamp: str
    payload: dict[str, Any]
    status: int
    error: NotRequired[str]
    response: NotRequired[str]
    attempt: int
    durationMs: int
    trigger: str


class TestResult(TypedDict):
    """What became of a test event."""

    success: bool
    eventId: str
    attempt: Attempt


class Hour(TypedDict):
    """What ended in one hour."""

    start: str
    delivered: int
    failed: int


class WebhookStatistics(TypedDict):
    """How a webhook has done."""

    delivered: int
    failed: int
    pending: int
    successRate: float
    p50Ms: int
    p95Ms: int
    lastSuccessAt: NotRequired[str]
    lastFailureAt: NotRequired[str]
    hours: list[Hour]


class Replay(Identified):
    """A period of the log that is sent again."""

    webhookId: str
    since: str
    until: str
    events: NotRequired[list[EventType]]
    status: Literal["undelivered", "failed", "all"]
    state: Literal["running", "done", "canceled"]
    matched: int
    created: int
    delivered: int
    failed: int


class DeliveryCounts(TypedDict):
    """How many deliveries of an event are in which state."""

    delivered: int
    pending: int
    failed: int
    canceled: int


class Event(Identified):
    """Something that happened."""

    event: EventType
    inboxId: NotRequired[str]
    messageId: NotRequired[str]
    payload: dict[str, Any]
    deliveries: DeliveryCounts


class WebhookBody(TypedDict):
    """What a webhook is sent, and what a stream yields; ``payload`` is the resource as it was."""

    event: EventType
    eventId: str
    createdAt: str
    inboxId: NotRequired[str]
    messageId: NotRequired[str]
    payload: dict[str, Any]


class Delivery(Identified):
    """What one webhook is owed of one event; ``attempts`` only when it is asked for by its id."""

    eventId: str
    webhookId: str
    event: EventType
    status: Literal["pending", "delivered", "failed", "canceled"]
    attemptCount: int
    dueAt: NotRequired[str]
    lastStatus: NotRequired[int]
    lastError: NotRequired[str]
    completedAt: NotRequired[str]
    attempts: NotRequired[list[Attempt]]


Scope = Literal["read", "write", "admin"]


class ApiKey(Identified):
    """An API key; ``key`` itself only in the answer that creates it."""

    name: str
    prefix: str
    active: bool
    scopes: list[Scope]
    inboxIds: NotRequired[list[str]]
    key: NotRequired[str]
    lastUsedAt: NotRequired[str]
    revokedAt: NotRequired[str]


class DnsRecord(TypedDict):
    """A record that a domain needs, and what was found of it."""

    purpose: str
    type: str
    name: str
    value: str
    required: bool
    status: str
    found: list[str]
    advice: NotRequired[str]


class Domain(Identified):
    """A domain whose mail is for this server once it is verified."""

    name: str
    verified: bool
    verifiedAt: NotRequired[str]
    records: list[DnsRecord]


class Suppression(TypedDict):
    """An address that gets no mail."""

    address: str
    reason: Literal["bounced", "complained"]
    messageId: str
    createdAt: str


class DailyCount(TypedDict):
    """How much was sent today; ``limit`` 0 is none."""

    count: int
    limit: int
    percentage: float


class Usage(TypedDict):
    """How much was sent this month."""

    count: int
    periodStart: str
    periodEnd: str


class NewAttachment(TypedDict):
    """A file to send; ``content`` is base64."""

    content: str
    name: NotRequired[str]
    contentType: NotRequired[str]


class Letter(TypedDict, total=False):
    """What a mail to send and a reply have in common."""

    text: str
    html: str
    attachments: list[NewAttachment]
    labels: list[str]
    headers: dict[str, str]


class NewMessage(Letter, total=False):
    """A mail to send."""

    to: str | list[str]
    cc: str | list[str]
    bcc: str | list[str]
    subject: str
    thread_id: str
    in_reply_to: str
    reply_to: str
