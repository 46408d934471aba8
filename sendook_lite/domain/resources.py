"""How the API and the webhook bodies show the nouns of the model: plain dicts, camelCase.

Unset optional fields are absent, never null; arrays are always present. Every object carries
``_id`` and ``id``, equal.
"""

from collections.abc import Iterable
from typing import Any

from sendook_lite.domain.clock import iso
from sendook_lite.domain.dns_records import Finding, WantedRecord
from sendook_lite.domain.events import payload_of
from sendook_lite.domain.ids import ORGANIZATION_ID
from sendook_lite.domain.model import (
    ApiKey,
    AttachmentInfo,
    Attempt,
    Delivery,
    Domain,
    Event,
    Inbox,
    Message,
    Replay,
    Secret,
    Suppression,
    Thread,
    Webhook,
    WebhookStatistics,
)

NO_ANSWER_STATUS = 500
"""What an attempt without an answer shows as its status; existing clients expect a number."""

Resource = dict[str, Any]


def _identified(identifier: str) -> Resource:
    return {"_id": identifier, "id": identifier}


def _stamped(created_at: int, updated_at: int) -> Resource:
    return {"createdAt": iso(created_at), "updatedAt": iso(updated_at)}


def _present(**fields: Any) -> Resource:
    """Keep the fields that are set."""
    return {name: value for name, value in fields.items() if value is not None}


def _moment(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def api_key(key: ApiKey, secret: str | None = None) -> Resource:
    """Show a key; ``secret`` is the key itself, only in the answer that creates it."""
    return {
        **_identified(key.id),
        "name": key.name,
        **_present(key=secret),
        "prefix": key.prefix,
        "active": key.active,
        "scopes": list(key.scopes),
        **({"inboxIds": list(key.inbox_ids)} if key.inbox_ids else {}),
        "organizationId": ORGANIZATION_ID,
        **_stamped(key.created_at, key.updated_at),
        **_present(lastUsedAt=_moment(key.last_used_at), revokedAt=_moment(key.revoked_at)),
    }


def inbox(box: Inbox) -> Resource:
    """Show an inbox."""
    return {
        **_identified(box.id),
        "organizationId": ORGANIZATION_ID,
        **_present(domainId=box.domain_id, name=box.name),
        "email": box.email,
        **_stamped(box.created_at, box.updated_at),
    }


def domain(place: Domain, records: Iterable[tuple[WantedRecord, Finding]] = ()) -> Resource:
    """Show a domain with the records it needs and what was found of each."""
    return {
        **_identified(place.id),
        "organizationId": ORGANIZATION_ID,
        "name": place.name,
        "verified": place.verified_at is not None,
        **_present(verifiedAt=_moment(place.verified_at)),
        "records": dns_records(records),
        **_stamped(place.created_at, place.updated_at),
    }


def dns_records(records: Iterable[tuple[WantedRecord, Finding]]) -> list[Resource]:
    """Show DNS records: what is wanted, its status, what was found and what is to be done."""
    return [
        {
            "purpose": wanted.purpose,
            "type": wanted.type,
            "name": wanted.name,
            "value": wanted.value,
            "required": wanted.required,
            "status": finding.status,
            "found": list(finding.found),
            **_present(advice=finding.advice),
        }
        for wanted, finding in records
    ]


def attachment(info: AttachmentInfo, message_url: str) -> Resource:
    """Show an attachment; ``message_url`` is the absolute URL of its message."""
    return {
        **_identified(info.id),
        "name": info.name,
        "contentType": info.content_type,
        "size": info.size,
        **_present(contentId=info.content_id),
        "url": f"{message_url}/attachments/{info.id}",
        **_present(content=info.content),
    }


def message(mail: Message, public_url: str) -> Resource:
    """Show a message; ``public_url`` is where this server is reached, without a final slash."""
    content = mail.content
    ours = "toInboxId" if mail.direction == "inbound" else "fromInboxId"
    url = f"{public_url}/v1/inboxes/{mail.inbox_id}/messages/{mail.id}"
    return {
        **_identified(mail.id),
        "organizationId": ORGANIZATION_ID,
        "inboxId": mail.inbox_id,
        "threadId": mail.thread_id,
        ours: mail.inbox_id,
        "from": content.from_address,
        **_present(fromName=content.from_name, envelopeFrom=content.envelope_from),
        "to": list(content.to),
        "cc": list(content.cc),
        "bcc": list(content.bcc),
        **_present(replyTo=content.reply_to),
        "labels": list(content.labels),
        "subject": content.subject,
        "text": content.text,
        "fullText": content.full_text,
        "html": content.html or content.full_text,
        "attachments": [attachment(info, url) for info in content.attachments],
        "headers": content.headers,
        **_present(
            externalMessageId=mail.external_message_id,
            date=_moment(content.date),
            autoSubmitted=content.auto_submitted or None,
            spam=content.spam,
            authentication=content.authentication,
            parseError=content.parse_error,
            recipients=list(content.recipients) or None,
        ),
        "status": mail.status,
        **_stamped(mail.created_at, mail.updated_at),
    }


def suppression(entry: Suppression) -> Resource:
    """Show an address that nothing is sent to."""
    return {
        "address": entry.address,
        "reason": entry.reason,
        "messageId": entry.message_id,
        "createdAt": iso(entry.created_at),
    }


def thread(
    conversation: Thread, messages: list[Resource] | None = None, *, more: bool = False
) -> Resource:
    """Show a thread with the ids of its messages, or with the messages themselves.

    ``more``: there are messages behind those that are given.
    """
    truncated = conversation.truncated if messages is None else more
    return {
        **_identified(conversation.id),
        "organizationId": ORGANIZATION_ID,
        "inboxId": conversation.inbox_id,
        "subject": conversation.subject,
        "messages": list(conversation.message_ids) if messages is None else messages,
        **_present(truncated=truncated or None),
        **_stamped(conversation.created_at, conversation.updated_at),
    }


def webhook(hook: Webhook, secret: str | None = None) -> Resource:
    """Show a webhook; ``secret`` only in the answer that creates it, if it signs with one."""
    return {
        **_identified(hook.id),
        "organizationId": ORGANIZATION_ID,
        "url": hook.url,
        "events": list(hook.events),
        "status": hook.status,
        **_present(
            disabledReason=hook.disabled_reason,
            description=hook.description,
            inboxIds=list(hook.inbox_ids) or None,
            headers=dict(hook.headers) or None,
            retrySchedule=None if hook.retry_schedule is None else list(hook.retry_schedule),
            timeout=hook.timeout,
            rateLimit=hook.rate_limit,
            signing=hook.signing if hook.public_key else None,
            publicKey=hook.public_key,
            secret=secret,
        ),
        **_stamped(hook.created_at, hook.updated_at),
    }


def webhook_secret(secrets: list[Secret]) -> Resource:
    """Show the current secret and until when the earlier ones still sign.

    Of key pairs the public keys are shown: who verifies needs no more, and the private ones need
    never leave the server.
    """
    current = next(secret for secret in secrets if secret.expires_at is None)
    return {
        **_present(secret=current.shown, publicKey=current.public_key),
        "previous": [
            {"expiresAt": iso(secret.expires_at), **_present(publicKey=secret.public_key)}
            for secret in secrets
            if secret.expires_at is not None
        ],
    }


def event(happening: Event, deliveries: dict[str, int]) -> Resource:
    """Show an event and how many of its deliveries are in which state."""
    return {
        **_identified(happening.id),
        "event": happening.type,
        "organizationId": ORGANIZATION_ID,
        **_present(inboxId=happening.inbox_id, messageId=happening.message_id),
        "createdAt": iso(happening.created_at),
        "updatedAt": iso(happening.created_at),
        "payload": payload_of(happening.body),
        "deliveries": {
            state: deliveries.get(state, 0)
            for state in ("delivered", "pending", "failed", "canceled")
        },
    }


def delivery(owed: Delivery, attempts: list[Attempt] | None = None) -> Resource:
    """Show a delivery; with ``attempts`` (oldest first) in detail."""
    return {
        **_identified(owed.id),
        "organizationId": ORGANIZATION_ID,
        "eventId": owed.event_id,
        "webhookId": owed.webhook_id,
        "event": owed.event_type,
        "status": owed.status,
        "attemptCount": owed.attempt_count,
        **_present(
            dueAt=_moment(owed.due_at), lastStatus=owed.last_status, lastError=owed.last_error
        ),
        **_stamped(owed.created_at, owed.updated_at),
        **_present(completedAt=_moment(owed.completed_at)),
        **({} if attempts is None else {"attempts": [attempt(made) for made in attempts]}),
    }


def attempt(made: Attempt) -> Resource:
    """Show an attempt."""
    return {
        **_identified(made.id),
        "organizationId": ORGANIZATION_ID,
        "webhookId": made.webhook_id,
        "deliveryId": made.delivery_id,
        "eventId": made.event_id,
        **_present(inboxId=made.inbox_id, messageId=made.message_id),
        "timestamp": iso(made.created_at),
        "payload": payload_of(made.event_body),
        "status": NO_ANSWER_STATUS if made.status is None else made.status,
        **_present(error=made.error, response=made.response),
        "attempt": made.number,
        "durationMs": made.duration_ms,
        "trigger": made.trigger,
        **_stamped(made.created_at, made.created_at),
    }


def replay(again: Replay) -> Resource:
    """Show a replay and how far it has come."""
    return {
        **_identified(again.id),
        "organizationId": ORGANIZATION_ID,
        "webhookId": again.webhook_id,
        "since": iso(again.since),
        "until": iso(again.until),
        **({} if again.events is None else {"events": list(again.events)}),
        "status": again.scope,
        "state": again.state,
        "matched": again.matched,
        "created": again.created,
        "delivered": again.delivered,
        "failed": again.failed,
        **_stamped(again.created_at, again.updated_at),
    }


def statistics(done: WebhookStatistics) -> Resource:
    """Show how a webhook has done."""
    return {
        "delivered": done.delivered,
        "failed": done.failed,
        "pending": done.pending,
        "successRate": round(done.success_rate, 4),
        "p50Ms": done.p50_ms,
        "p95Ms": done.p95_ms,
        **_present(
            lastSuccessAt=_moment(done.last_success_at),
            lastFailureAt=_moment(done.last_failure_at),
        ),
        "hours": [
            {"start": iso(hour.start), "delivered": hour.delivered, "failed": hour.failed}
            for hour in done.hours
        ],
    }
