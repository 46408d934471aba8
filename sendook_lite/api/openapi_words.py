"""The words of the OpenAPI document that no code has: groups, parameters, headers, examples."""

from typing import Any, Final

GROUPS: Final[tuple[tuple[str, str, str], ...]] = (
    ("Messages", "/v1/inboxes/{inbox_id}/messages", "Mail, reached through its own inbox only."),
    ("Threads", "/v1/inboxes/{inbox_id}/threads", "Conversations, put together by Message-IDs."),
    ("Inboxes", "/v1/inboxes", "Addresses that receive and send. Each change is an event."),
    ("Suppressions", "/v1/suppressions", "Addresses that bounced for good, or complained."),
    ("Statistics", "/v1/stats", "How much was sent."),
    ("Webhooks", "/v1/webhooks", "URLs that are told about events, with signatures and retries."),
    ("Events", "/v1/events", "The log: what webhooks are pushed can be pulled and followed here."),
    ("Deliveries", "/v1/deliveries", "One event owed to one webhook, and each attempt to pay."),
    ("Domains", "/v1/domains", "Domains added while running, and the DNS records they need."),
    ("API keys", "/v1/api_keys", "Who may do what."),
    ("Server", "/", "What may be asked without a key."),
)
"""Name, beginning of the paths, and a sentence; the first that fits a path is its group."""

PATH_PARAMETERS: Final[dict[str, str]] = {
    "inbox_id": "`inbox_…`",
    "message_id": "`msg_…`, of this inbox",
    "attachment_id": "`att_…`, of this message",
    "thread_id": "`thread_…`, of this inbox",
    "webhook_id": "`wh_…`",
    "replay_id": "`rpl_…`, of this webhook",
    "event_id": "`evt_…`",
    "delivery_id": "`dlv_…`",
    "api_key_id": "`key_…`",
    "address": "The address, in upper or lower case.",
    "domain": "`dom_…`, or the name of the domain",
}

QUERY_PARAMETERS: Final[dict[str, str]] = {
    "limit": "At most so many; a page may end earlier when its items are long.",
    "before": "Continue behind this item, towards older ones.",
    "after": "Continue behind this one, towards newer ones.",
    "query": "Words of subject, text, addresses, labels and names of attachments, in any script."
    " All must be there, the last one may be the beginning of a word. Any text is valid.",
    "label": "Only with this label.",
    "from": "Only from this address, or this domain.",
    "since": "Not older than this.",
    "until": "Not newer than this.",
    "type": "Only events of this type.",
    "inboxId": "Only of this inbox.",
    "webhookId": "Only for this webhook.",
    "eventId": "Only of this event.",
    "status": "Only in this state.",
}

BODIES: Final[dict[str, dict[str, Any]]] = {
    "CreateInbox": {"name": "Support"},
    "ChangeInbox": {"name": "Support team"},
    "SendMessage": {
        "to": ["ann@example.org"],
        "subject": "Your order",
        "text": "It is on its way.",
    },
    "ReplyMessage": {"text": "Yes, we are open on Mondays."},
    "ChangeMessage": {"labels": ["urgent"]},
    "CreateDomain": {"name": "example.com"},
    "CreateWebhook": {
        "url": "https://example.com/hooks/mail",
        "events": ["message.received", "message.bounced"],
        "description": "Ticket system",
    },
    "ChangeWebhook": {"status": "enabled"},
    "RotateSecret": {"graceSeconds": 86400},
    "StartReplay": {"since": "2026-03-01T00:00:00Z", "status": "undelivered"},
    "CreateKey": {"name": "Reporting", "scopes": ["read"]},
}
"""An example of each request body, by the name of its model."""

IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body takes effect once within 24 hours.",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"},
}

LINK: Final[dict[str, Any]] = {
    "description": '`<…>; rel="next"` when there is more (RFC 8288).',
    "schema": {"type": "string"},
}

INTRODUCTION: Final = """\
The v1 API of Sendook, served by Sendook Lite. Software written for Sendook runs against it
unchanged.

Send `Authorization: Bearer <key>` with everything under `/v1`. Lists are bare arrays, newest first.
Fields without a value are absent, never null. Every error is JSON with a `code` for programs and a
`message` for people. Unknown fields of requests are ignored.
"""
