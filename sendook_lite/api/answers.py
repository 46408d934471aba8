"""What every answer looks like, in one place: a model per resource, named as the routes name it.

These models describe, they do not render: ``domain.resources`` does, and the tests hold its output
and the answers of the running server against them. To describe a new resource, add a class here
under the name that its routes give as ``answer``. A field whose default is UNSET may be absent; no
field is ever null. Imported only when somebody asks for the document.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sendook_lite.domain.dns_records import Purpose, RecordStatus, RecordType
from sendook_lite.domain.events import EVENT_TYPES
from sendook_lite.domain.model import (
    DeliveryStatus,
    DisabledReason,
    ReplayScope,
    ReplayState,
    Scope,
    Signing,
    SuppressionReason,
    Trigger,
    WebhookStatus,
)
from sendook_lite.domain.submission import RecipientStatus

UNSET: Final[Any] = None
"""Marks a field that is absent when it has no value."""

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
EventType = Annotated[str, Field(json_schema_extra={"enum": list(EVENT_TYPES)})]
Count = Annotated[int, Field(ge=0)]


class Shape(BaseModel):
    """A JSON object; a field that is not described here is a mistake."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel)


class Stored(Shape):
    """What all stored objects have. ``_id`` and ``id`` are equal."""

    underscore_id: Annotated[str, Field(alias="_id")]
    id: str
    created_at: Time
    updated_at: Time


class Owned(Stored):
    """A stored object, with the one constant organisation that existing clients expect."""

    organization_id: str


class ApiKey(Owned):
    """A key of the API. The key itself is only in the answer that creates it."""

    name: str
    key: Annotated[str, Field(description="Shown once; a hash is all that is kept.")] = UNSET
    prefix: Annotated[str, Field(description="How the key begins, to tell it from others.")]
    active: bool
    scopes: Annotated[
        list[Scope],
        Field(description="`write` includes `read`, `admin` includes both."),
    ]
    inbox_ids: Annotated[
        list[str], Field(description="The only inboxes that exist for this key.")
    ] = UNSET
    last_used_at: Time = UNSET
    revoked_at: Time = UNSET


class Inbox(Owned):
    """An address that receives and sends."""

    domain_id: str = UNSET
    name: str = UNSET
    email: str


class Attachment(Shape):
    """A file that came with a message."""

    underscore_id: Annotated[str, Field(alias="_id")]
    id: str
    name: str
    content_type: str
    size: Annotated[int, Field(ge=0, description="In bytes, decoded.")]
    content_id: Annotated[str, Field(description="By which HTML refers to it.")] = UNSET
    url: Annotated[str, Field(description="Where its bytes are; needs the key.")]
    content: Annotated[str, Field(description="Base64, while attachments are small.")] = UNSET


class Recipient(Shape):
    """One recipient of a mail that is sent."""

    address: str
    status: RecipientStatus
    detail: Annotated[str, Field(description="The last that a mail server said of it.")] = UNSET


class Message(Owned):
    """A mail, received or sent."""

    inbox_id: str
    thread_id: str
    from_inbox_id: Annotated[str, Field(description="Of sent mail.")] = UNSET
    to_inbox_id: Annotated[str, Field(description="Of received mail.")] = UNSET
    sender: Annotated[str, Field(alias="from", description="Address in the From header.")]
    from_name: str = UNSET
    envelope_from: Annotated[str, Field(description="Who the mail server named.")] = UNSET
    to: list[str]
    cc: list[str]
    bcc: list[str]
    reply_to: str = UNSET
    labels: list[str]
    subject: str
    text: Annotated[str, Field(description="What was written: no quoted history, no signature.")]
    full_text: Annotated[str, Field(description="The whole text.")]
    html: Annotated[str, Field(description="As the sender wrote it. Sanitise before showing it.")]
    attachments: list[Attachment]
    headers: dict[str, str]
    external_message_id: Annotated[str, Field(description="Its Message-ID.")] = UNSET
    date: Time = UNSET
    auto_submitted: Annotated[bool, Field(description="No person wrote it: do not answer.")] = UNSET
    spam: Annotated[dict[str, Any], Field(description="What the mail server judged.")] = UNSET
    authentication: Annotated[
        dict[str, Any], Field(description="SPF, DKIM and DMARC, as the mail server found.")
    ] = UNSET
    parse_error: Annotated[str, Field(description="What could not be read of it.")] = UNSET
    recipients: Annotated[
        list[Recipient], Field(description="Of sent mail: what became of each.")
    ] = UNSET
    status: str


class Thread(Owned):
    """A conversation in an inbox. Lists hold the ids of its messages, its own URL the messages."""

    inbox_id: str
    subject: str
    messages: Annotated[list[str] | list[Message], Field(description="Oldest first.")]
    truncated: Annotated[bool, Field(description="There are more messages.")] = UNSET


class DnsRecord(Shape):
    """A record that a domain needs, and what the last look at the DNS found in its place."""

    purpose: Purpose
    type: RecordType
    name: str
    value: str
    required: Annotated[bool, Field(description="The domain is verified by the required ones.")]
    status: RecordStatus
    found: list[str]
    advice: Annotated[str, Field(description="What is to be done.")] = UNSET


class Domain(Owned):
    """A domain that was added while running."""

    name: str
    verified: Annotated[bool, Field(description="Its mail is taken.")]
    verified_at: Time = UNSET
    records: list[DnsRecord]


class Webhook(Owned):
    """A URL and the events it is told about."""

    url: str
    events: list[EventType]
    status: WebhookStatus
    disabled_reason: DisabledReason = UNSET
    description: str = UNSET
    inbox_ids: Annotated[list[str], Field(description="Only events of these.")] = UNSET
    headers: Annotated[
        dict[str, str], Field(description="Sent along; values hidden from keys that only read.")
    ] = UNSET
    retry_schedule: Annotated[list[float | int], Field(description="Delays in seconds.")] = UNSET
    timeout: Annotated[float | int, Field(description="Seconds.")] = UNSET
    rate_limit: Annotated[float | int, Field(description="Requests per second.")] = UNSET
    signing: Signing = UNSET
    public_key: Annotated[str, Field(description="`whpk_…` of a webhook with a key pair.")] = UNSET
    secret: Annotated[str, Field(description="`whsec_…`, only when it is created.")] = UNSET


class PreviousSecret(Shape):
    """A secret that signs beside the current one for a while."""

    expires_at: Time
    public_key: str = UNSET


class Secret(Shape):
    """What verifies a webhook's requests now."""

    secret: str = UNSET
    public_key: str = UNSET
    previous: list[PreviousSecret]


class Attempt(Owned):
    """One HTTP request made to a webhook."""

    webhook_id: str
    delivery_id: str
    event_id: str
    inbox_id: str = UNSET
    message_id: str = UNSET
    timestamp: Time
    payload: dict[str, Any]
    status: Annotated[int, Field(description="The endpoint's code; 500 without an answer.")]
    error: Annotated[str, Field(description="A code, a colon and a phrase for people.")] = UNSET
    response: Annotated[str, Field(description="The first 4 KiB of the body.")] = UNSET
    attempt: Annotated[int, Field(ge=1, description="Its number, 1 for the first.")]
    duration_ms: Count
    trigger: Trigger


class TestResult(Shape):
    """What came of a test event."""

    success: Annotated[bool, Field(description="Whether the endpoint answered with a 2xx.")]
    event_id: str
    attempt: Attempt


class Hour(Shape):
    """Deliveries that ended within an hour."""

    start: Time
    delivered: Count
    failed: Count


class Statistics(Shape):
    """How a webhook has done, as far back as events are kept."""

    delivered: Count
    failed: Count
    pending: Count
    success_rate: Annotated[float | int, Field(ge=0, le=1)]
    p50_ms: Annotated[Count, Field(alias="p50Ms")]
    p95_ms: Annotated[Count, Field(alias="p95Ms")]
    last_success_at: Time = UNSET
    last_failure_at: Time = UNSET
    hours: Annotated[list[Hour], Field(description="The last 24, oldest first.")]


class Suppression(Shape):
    """An address that nothing is sent to."""

    address: Annotated[str, Field(description="As addresses are compared: in lower case.")]
    reason: SuppressionReason
    message_id: Annotated[str, Field(description="The mail that bounced or was complained about.")]
    created_at: Time


class DailyCount(Shape):
    """Mails sent since midnight (UTC), and how many may be in a day; limit 0: there is none."""

    count: Count
    limit: Count
    percentage: Annotated[float | int, Field(ge=0)]


class Usage(Shape):
    """Mails sent in this month (UTC)."""

    count: Count
    period_start: Time
    period_end: Time


class Replay(Owned):
    """A period of the log that is being sent again to one webhook."""

    webhook_id: str
    since: Time
    until: Time
    events: list[EventType] = UNSET
    status: ReplayScope
    state: ReplayState
    matched: Annotated[Count, Field(description="Events that were asked for.")]
    created: Annotated[Count, Field(description="Deliveries opened for them.")]
    delivered: Count
    failed: Count


class DeliveryCounts(Shape):
    """How many deliveries of an event are in which state."""

    delivered: Count
    pending: Count
    failed: Count
    canceled: Count


class Event(Owned):
    """Something that happened. Never changes."""

    event: EventType
    inbox_id: str = UNSET
    message_id: str = UNSET
    payload: Annotated[dict[str, Any], Field(description="The resource as it was then.")]
    deliveries: DeliveryCounts


class Delivery(Owned):
    """One event owed to one webhook."""

    event_id: str
    webhook_id: str
    event: EventType
    status: DeliveryStatus
    attempt_count: Count
    due_at: Annotated[Time, Field(description="While pending: its next attempt.")] = UNSET
    last_status: int = UNSET
    last_error: str = UNSET
    completed_at: Time = UNSET
    attempts: Annotated[list[Attempt], Field(description="Oldest first; not in lists.")] = UNSET


class Health(Shape):
    """Live facts; more of them than are described."""

    model_config = ConfigDict(extra="allow")

    healthy: bool


class Readiness(Shape):
    """It works."""

    ready: bool


class Received(Shape):
    """What was posted was taken."""

    received: bool


class Document(Shape):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(extra="allow")

    openapi: str


class Mistake(Shape):
    """One thing wrong with one field."""

    type: Literal["field"]
    path: str
    location: Literal["body", "query", "path", "headers"]
    msg: str
    value: Any = UNSET


class Error(Shape):
    """What went wrong. ``error`` and ``message`` are equal, existing clients read either."""

    error: str
    message: str
    code: Annotated[str, Field(description="For programs; does not change.")]
    errors: Annotated[list[Mistake], Field(description="With 400.")] = UNSET
    request_id: Annotated[str, Field(description="With 500: it is in the log.")] = UNSET
    id: Annotated[str, Field(description="With `already_done`: what was made.")] = UNSET


class WebhookBody(Shape):
    """What a webhook is sent; every attempt, retry and replay of an event has the same bytes."""

    event: EventType
    event_id: Annotated[str, Field(description="Equal to the header webhook-id.")]
    created_at: Time
    inbox_id: str = UNSET
    message_id: str = UNSET
    payload: Annotated[dict[str, Any], Field(description="The resource as it was then.")]


ANSWERS: Final[dict[str, type[Shape]]] = {
    model.__name__: model
    for model in (
        ApiKey, Attempt, DailyCount, Delivery, DnsRecord, Document, Domain, Event, Health, Inbox,
        Message, Readiness, Received, Replay, Secret, Statistics, Suppression, TestResult, Thread,
        Usage, Webhook,
    )
}  # fmt: skip
"""By the name that routes use."""
