"""How the nouns are shown: camelCase, unset fields absent, arrays always there."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sendook_lite.domain import resources
from sendook_lite.domain.events import render_body
from sendook_lite.domain.ids import ORGANIZATION_ID
from sendook_lite.domain.model import (
    ApiKey,
    AttachmentInfo,
    Attempt,
    Delivery,
    Event,
    Inbox,
    Message,
    MessageContent,
    Secret,
    Thread,
    Webhook,
)
from tests.fakes import START

T0 = "2026-03-01T09:10:00.000Z"
T1 = "2026-03-01T09:10:01.000Z"
LATER = START + 1000
BODY = render_body("message.received", "evt_1", START, {"id": "msg_1"})
STAMPS = {"createdAt": T0, "updatedAt": T1}
OWNED = {"organizationId": ORGANIZATION_ID}

KEY = ApiKey(1, "key_1", "mine", "sk_abc", ("read",), (), START, LATER)
INBOX = Inbox(1, "inbox_1", None, "ann@mail.example", START, LATER)
MESSAGE = Message(
    1, "msg_1", "inbox_1", "thread_1", "inbound", "received", None, START, LATER,
    MessageContent(from_address="bob@x.example"),
)  # fmt: skip
THREAD = Thread(1, "thread_1", "inbox_1", "Lunch?", START, LATER, ("msg_1", "msg_2"))
WEBHOOK = Webhook(1, "wh_1", "https://x.example", ("message.received",), "enabled", START, LATER)
EVENT = Event(1, "evt_1", "message.received", None, None, BODY, START)
DELIVERY = Delivery(
    1, "dlv_1", "evt_1", "wh_1", "message.received", "pending", 0, None, None, None, START, LATER,
    None,
)  # fmt: skip
ATTEMPT = Attempt(
    1, "atm_1", "wh_1", "dlv_1", "evt_1", None, None, BODY, 1, "scheduled", None, None, None, 12,
    START,
)  # fmt: skip
URL = "http://here/v1/inboxes/inbox_1/messages/msg_1"

MESSAGE_FIELDS = {
    **OWNED, **STAMPS,
    "inboxId": "inbox_1", "threadId": "thread_1", "toInboxId": "inbox_1",
    "from": "bob@x.example", "to": [], "cc": [], "bcc": [], "labels": [], "subject": "",
    "text": "", "fullText": "", "html": "", "attachments": [], "headers": {},
    "status": "received",
}  # fmt: skip

SHOWN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "key_1",
        resources.api_key(KEY),
        {**OWNED, **STAMPS, "name": "mine", "prefix": "sk_abc", "active": True,
         "scopes": ["read"]},
    ),
    (
        "key_1",
        resources.api_key(
            replace(KEY, inbox_ids=("inbox_1",), last_used_at=START, revoked_at=LATER), "sk_secret"
        ),
        {**OWNED, **STAMPS, "name": "mine", "prefix": "sk_abc", "active": False,
         "scopes": ["read"], "key": "sk_secret", "inboxIds": ["inbox_1"], "lastUsedAt": T0,
         "revokedAt": T1},
    ),
    ("inbox_1", resources.inbox(INBOX), {**OWNED, **STAMPS, "email": "ann@mail.example"}),
    (
        "inbox_1",
        resources.inbox(replace(INBOX, name="Ann")),
        {**OWNED, **STAMPS, "email": "ann@mail.example", "name": "Ann"},
    ),
    ("msg_1", resources.message(MESSAGE, "http://here"), MESSAGE_FIELDS),
    (
        "thread_1",
        resources.thread(THREAD),
        {**OWNED, **STAMPS, "inboxId": "inbox_1", "subject": "Lunch?",
         "messages": ["msg_1", "msg_2"]},
    ),
    (
        "thread_1",
        resources.thread(THREAD, [{"id": "msg_1"}]),
        {**OWNED, **STAMPS, "inboxId": "inbox_1", "subject": "Lunch?",
         "messages": [{"id": "msg_1"}]},
    ),
    (
        "wh_1",
        resources.webhook(WEBHOOK),
        {**OWNED, **STAMPS, "url": "https://x.example", "events": ["message.received"],
         "status": "enabled"},
    ),
    (
        "wh_1",
        resources.webhook(
            replace(WEBHOOK, status="disabled", disabled_reason="gone", description="d",
                    inbox_ids=("inbox_1",), headers=(("X", "y"),), retry_schedule=(),
                    timeout=2.5, rate_limit=1.0),
            "whsec_x",
        ),
        {**OWNED, **STAMPS, "url": "https://x.example", "events": ["message.received"],
         "status": "disabled", "disabledReason": "gone", "description": "d",
         "inboxIds": ["inbox_1"], "headers": {"X": "y"}, "retrySchedule": [], "timeout": 2.5,
         "rateLimit": 1.0, "secret": "whsec_x"},
    ),
    (
        "evt_1",
        resources.event(EVENT._replace(inbox_id="inbox_1", message_id="msg_1"), {"failed": 2}),
        {**OWNED, "createdAt": T0, "updatedAt": T0, "event": "message.received",
         "inboxId": "inbox_1", "messageId": "msg_1", "payload": {"id": "msg_1"},
         "deliveries": {"delivered": 0, "pending": 0, "failed": 2, "canceled": 0}},
    ),
    (
        "evt_1",
        resources.event(EVENT, {}),
        {**OWNED, "createdAt": T0, "updatedAt": T0, "event": "message.received",
         "payload": {"id": "msg_1"},
         "deliveries": {"delivered": 0, "pending": 0, "failed": 0, "canceled": 0}},
    ),
    (
        "dlv_1",
        resources.delivery(DELIVERY),
        {**OWNED, **STAMPS, "eventId": "evt_1", "webhookId": "wh_1", "event": "message.received",
         "status": "pending", "attemptCount": 0},
    ),
    (
        "dlv_1",
        resources.delivery(
            replace(DELIVERY, due_at=START, last_status=503, last_error="http_status: x",
                    completed_at=LATER),
            [],
        ),
        {**OWNED, **STAMPS, "eventId": "evt_1", "webhookId": "wh_1", "event": "message.received",
         "status": "pending", "attemptCount": 0, "dueAt": T0, "lastStatus": 503,
         "lastError": "http_status: x", "completedAt": T1, "attempts": []},
    ),
    (
        "atm_1",
        resources.attempt(ATTEMPT),
        {**OWNED, "createdAt": T0, "updatedAt": T0, "timestamp": T0, "webhookId": "wh_1",
         "deliveryId": "dlv_1", "eventId": "evt_1", "payload": {"id": "msg_1"}, "status": 500,
         "attempt": 1, "durationMs": 12, "trigger": "scheduled"},
    ),
    (
        "atm_1",
        resources.attempt(replace(ATTEMPT, status=204, response="ok", inbox_id="inbox_1",
                                  message_id="msg_1", error="none really")),
        {**OWNED, "createdAt": T0, "updatedAt": T0, "timestamp": T0, "webhookId": "wh_1",
         "deliveryId": "dlv_1", "eventId": "evt_1", "payload": {"id": "msg_1"}, "status": 204,
         "attempt": 1, "durationMs": 12, "trigger": "scheduled", "inboxId": "inbox_1",
         "messageId": "msg_1", "response": "ok", "error": "none really"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("identifier", "shown", "expected"), SHOWN)
def test_a_resource_has_exactly_these_fields(
    identifier: str, shown: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert shown == {"_id": identifier, "id": identifier, **expected}


def nulls(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for each in value.values():
            yield from nulls(each)
    elif isinstance(value, list):
        for each in value:
            yield from nulls(each)
    elif value is None:
        yield value


@pytest.mark.parametrize("shown", [shown for _, shown, _ in SHOWN])
def test_what_is_unset_is_absent_and_never_null(shown: dict[str, Any]) -> None:
    assert list(nulls(shown)) == []


def test_a_full_message_shows_everything() -> None:
    attachment = AttachmentInfo("att_1", "a.txt", "text/plain", 3, 2, "cid", "YWJj")
    content = MessageContent(
        from_address="bob@x.example",
        from_name="Bob",
        envelope_from="bounce@x.example",
        to=("ann@mail.example",),
        cc=("c@x.example",),
        bcc=("d@x.example",),
        reply_to="r@x.example",
        subject="Lunch?",
        text="At noon",
        full_text="At noon\n> when?",
        html="",
        labels=("food",),
        attachments=(attachment, replace(attachment, content_id=None, content=None)),
        headers={"List-Id": "x"},
        date=START,
        auto_submitted=True,
        spam={"score": 1.5},
        authentication={"spf": "pass"},
        parse_error="odd",
        recipients=({"address": "x"},),
    )
    sent = replace(
        MESSAGE, direction="outbound", status="sent", external_message_id="1@x", content=content
    )
    shown = resources.message(sent, "http://here")
    file = {"_id": "att_1", "id": "att_1", "name": "a.txt", "contentType": "text/plain",
            "size": 3, "url": f"{URL}/attachments/att_1"}  # fmt: skip
    assert "toInboxId" not in shown
    for name, value in {
        "fromInboxId": "inbox_1",
        "fromName": "Bob",
        "envelopeFrom": "bounce@x.example",
        "replyTo": "r@x.example",
        "bcc": ["d@x.example"],
        "labels": ["food"],
        "html": "At noon\n> when?",
        "externalMessageId": "1@x",
        "date": T0,
        "autoSubmitted": True,
        "spam": {"score": 1.5},
        "authentication": {"spf": "pass"},
        "parseError": "odd",
        "recipients": [{"address": "x"}],
        "attachments": [{**file, "contentId": "cid", "content": "YWJj"}, file],
        "status": "sent",
    }.items():
        assert shown[name] == value, name
    html = replace(sent, content=replace(content, html="<p>At noon"))
    assert resources.message(html, "http://here")["html"] == "<p>At noon"


def test_a_delivery_in_detail_shows_its_attempts() -> None:
    shown = resources.delivery(DELIVERY, [ATTEMPT])
    assert shown["attempts"] == [resources.attempt(ATTEMPT)]


def test_of_key_pairs_only_the_public_keys_are_shown() -> None:
    secrets = [Secret("whsk_new", None, "whpk_new"), Secret("whsk_old", START, "whpk_old")]
    assert resources.webhook_secret(secrets) == {
        "publicKey": "whpk_new",
        "previous": [{"expiresAt": T0, "publicKey": "whpk_old"}],
    }
    assert secrets[0].shown is None
    shown = resources.webhook(replace(WEBHOOK, public_key="whpk_new"), secrets[0].shown)
    assert (shown["signing"], shown["publicKey"]) == ("ed25519", "whpk_new")
    assert "secret" not in shown


def test_secrets_show_the_current_one_and_when_others_end() -> None:
    secrets = [Secret("whsec_new", None), Secret("whsec_old", START)]
    shown = resources.webhook_secret(secrets)
    assert shown == {"secret": "whsec_new", "previous": [{"expiresAt": T0}]}
