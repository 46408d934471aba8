"""The whole URL table. The application is built from it, and so is whatever describes the API."""

from dataclasses import dataclass
from typing import Final, Literal

from sendook_lite.api import (
    deliveries,
    domains,
    events,
    health,
    inboxes,
    keys,
    messages,
    metrics,
    reference,
    replays,
    sending,
    ses,
    stream,
    threads,
    webhooks,
)
from sendook_lite.api.call import Handler
from sendook_lite.api.deliveries import DeliveriesQuery
from sendook_lite.api.domains import CreateDomain
from sendook_lite.api.events import EventsQuery
from sendook_lite.api.messages import MessagesQuery
from sendook_lite.api.pages import ListQuery, Query
from sendook_lite.api.replays import StartReplay
from sendook_lite.api.schemas import Body, ChangeInbox, ChangeMessage, CreateInbox, CreateKey
from sendook_lite.api.sending import SuppressionsQuery
from sendook_lite.api.sending_schemas import ReplyMessage, SendMessage
from sendook_lite.api.stream import StreamQuery
from sendook_lite.api.threads import ThreadQuery
from sendook_lite.api.webhook_schemas import ChangeWebhook, CreateWebhook, RotateSecret
from sendook_lite.api.webhooks import AttemptsQuery
from sendook_lite.domain.model import Scope

Method = Literal["GET", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        path: parameters in braces; those named ``…_id`` are ids, and malformed ones are not found.
        summary: one line for people.
        answer: the name of what is answered, one of ``answers`` or a media type; in brackets for
            a list of it.
        scope: what a key needs; None: no key is needed.
        whole: closed to keys that are limited to some inboxes.
        query: what may stand behind the question mark.
        body: the JSON object that is expected; None: a body is ignored.
        status: of the answer when all goes well.
        secret_answer: the answer holds a secret, and is not kept to be repeated.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    answer: str
    scope: Scope | None = "read"
    whole: bool = False
    query: type[Query] | None = None
    body: type[Body] | None = None
    status: int = 200
    secret_answer: bool = False


_INBOXES: Final = "/v1/inboxes"
_INBOX: Final = f"{_INBOXES}/{{inbox_id}}"
_MESSAGES: Final = f"{_INBOX}/messages"
_MESSAGE: Final = f"{_MESSAGES}/{{message_id}}"
_ATTACHMENT: Final = f"{_MESSAGE}/attachments/{{attachment_id}}"
_THREADS: Final = f"{_INBOX}/threads"
_THREAD: Final = f"{_THREADS}/{{thread_id}}"
_SUPPRESSIONS: Final = "/v1/suppressions"
_WEBHOOKS: Final = "/v1/webhooks"
_WEBHOOK: Final = f"{_WEBHOOKS}/{{webhook_id}}"
_EVENTS: Final = "/v1/events"
_DELIVERIES: Final = "/v1/deliveries"
_DOMAINS: Final = "/v1/domains"
_DOMAIN: Final = f"{_DOMAINS}/{{domain}}"
_KEYS: Final = "/v1/api_keys"
_KEY: Final = f"{_KEYS}/{{api_key_id}}"

# fmt: off
ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/health", health.health, "Is it alive?", "Health", None),
    Route("POST", "/ses", ses.take_notification, "Take a message of Amazon SNS about SES",
          "Received", None),
    Route("GET", "/readyz", health.ready, "Is it ready?", "Readiness", None),
    Route("GET", "/openapi.json", reference.get_openapi, "This description", "Document", None),
    Route("GET", "/metrics", metrics.metrics, "Figures for Prometheus", "text/plain", None),

    Route("GET", _INBOXES, inboxes.list_inboxes, "List inboxes", "[Inbox]", query=ListQuery),
    Route("POST", _INBOXES, inboxes.create_inbox, "Create an inbox", "Inbox", "write", whole=True,
          body=CreateInbox, status=201),
    Route("GET", _INBOX, inboxes.get_inbox, "Get an inbox", "Inbox"),
    Route("PATCH", _INBOX, inboxes.change_inbox, "Rename an inbox", "Inbox", "write",
          body=ChangeInbox),
    Route("DELETE", _INBOX, inboxes.delete_inbox, "Delete an inbox and its mail", "Inbox", "write"),

    Route("GET", _MESSAGES, messages.list_messages, "List or search messages of an inbox",
          "[Message]", query=MessagesQuery),
    Route("POST", f"{_MESSAGES}/send", sending.send_message, "Send a message", "Message", "write",
          body=SendMessage, status=202),
    Route("POST", f"{_MESSAGE}/reply", sending.reply_to_message, "Reply to a message", "Message",
          "write", body=ReplyMessage, status=202),
    Route("GET", _MESSAGE, messages.get_message, "Get a message", "Message"),
    Route("PATCH", _MESSAGE, messages.change_message, "Label a message", "Message", "write",
          body=ChangeMessage),
    Route("DELETE", _MESSAGE, messages.delete_message, "Delete a message", "Message", "write"),
    Route("GET", f"{_MESSAGE}/raw", messages.get_raw, "Get a message as it came", "message/rfc822"),
    Route("GET", _ATTACHMENT, messages.get_attachment, "Get the bytes of an attachment",
          "application/octet-stream"),

    Route("GET", _THREADS, threads.list_threads, "List threads of an inbox", "[Thread]",
          query=ListQuery),
    Route("GET", _THREAD, threads.get_thread, "Get a thread with its messages", "Thread",
          query=ThreadQuery),

    Route("GET", _SUPPRESSIONS, sending.list_suppressions, "List addresses that get no mail",
          "[Suppression]", whole=True, query=SuppressionsQuery),
    Route("DELETE", f"{_SUPPRESSIONS}/{{address}}", sending.remove_suppression,
          "Let an address get mail again", "Suppression", "write", whole=True),
    Route("GET", "/v1/stats/messages/daily", sending.get_daily, "How much was sent today",
          "DailyCount"),
    Route("GET", "/v1/stats/usage", sending.get_usage, "How much was sent this month", "Usage"),
    Route("GET", _WEBHOOKS, webhooks.list_webhooks, "List webhooks", "[Webhook]", whole=True,
          query=ListQuery),
    Route("POST", _WEBHOOKS, webhooks.create_webhook, "Create a webhook", "Webhook", "write",
          whole=True, body=CreateWebhook, status=201, secret_answer=True),
    Route("GET", _WEBHOOK, webhooks.get_webhook, "Get a webhook", "Webhook", whole=True),
    Route("PATCH", _WEBHOOK, webhooks.change_webhook, "Change a webhook", "Webhook", "write",
          whole=True, body=ChangeWebhook),
    Route("DELETE", _WEBHOOK, webhooks.delete_webhook, "Delete a webhook", "Webhook", "write",
          whole=True),
    Route("POST", f"{_WEBHOOK}/test", webhooks.test_webhook, "Send a test event", "TestResult",
          "write", whole=True),
    Route("GET", f"{_WEBHOOK}/attempts", webhooks.list_attempts, "List the last attempts",
          "[Attempt]", whole=True, query=AttemptsQuery),
    Route("GET", f"{_WEBHOOK}/stats", webhooks.get_statistics, "How a webhook has done",
          "Statistics", whole=True),
    # Who knows the secret can forge deliveries: more than reading.
    Route("GET", f"{_WEBHOOK}/secret", webhooks.get_secret, "Get the signing secret", "Secret",
          "write", whole=True),
    Route("POST", f"{_WEBHOOK}/secret/rotate", webhooks.rotate_secret,
          "Replace the signing secret, with an overlap", "Secret", "write", whole=True,
          body=RotateSecret, secret_answer=True),

    Route("POST", f"{_WEBHOOK}/replay", replays.start_replay, "Send a period of the log again",
          "Replay", "write", whole=True, body=StartReplay, status=202),
    Route("GET", f"{_WEBHOOK}/replays", replays.list_replays, "List replays, newest first",
          "[Replay]", whole=True),
    Route("DELETE", f"{_WEBHOOK}/replays/{{replay_id}}", replays.cancel_replay, "Cancel a replay",
          "Replay", "write", whole=True),

    Route("GET", _EVENTS, events.list_events, "List events, oldest first", "[Event]",
          query=EventsQuery),
    Route("GET", f"{_EVENTS}/stream", stream.stream_events, "Follow the log as it grows",
          "text/event-stream", query=StreamQuery),
    Route("GET", f"{_EVENTS}/{{event_id}}", events.get_event, "Get an event", "Event"),

    Route("GET", _DELIVERIES, deliveries.list_deliveries, "List deliveries", "[Delivery]",
          query=DeliveriesQuery),
    Route("GET", f"{_DELIVERIES}/{{delivery_id}}", deliveries.get_delivery,
          "Get a delivery with its attempts", "Delivery"),
    Route("POST", f"{_DELIVERIES}/{{delivery_id}}/retry", deliveries.retry_delivery,
          "Attempt a delivery once more, now", "Delivery", "write"),

    Route("GET", _DOMAINS, domains.list_domains, "List domains", "[Domain]", whole=True,
          query=ListQuery),
    Route("POST", _DOMAINS, domains.create_domain, "Add a domain", "Domain", "write", whole=True,
          body=CreateDomain, status=201),
    Route("GET", _DOMAIN, domains.get_domain, "Get a domain", "Domain", whole=True),
    Route("DELETE", _DOMAIN, domains.delete_domain, "Delete a domain", "Domain", "write",
          whole=True),
    Route("POST", f"{_DOMAIN}/verify", domains.verify_domain, "Verify a domain", "Domain", "write",
          whole=True),
    Route("GET", f"{_DOMAIN}/dns", domains.list_dns_records, "List the DNS records of a domain",
          "[DnsRecord]", whole=True),

    Route("GET", _KEYS, keys.list_keys, "List API keys", "[ApiKey]", "admin", whole=True,
          query=ListQuery),
    Route("POST", _KEYS, keys.create_key, "Create an API key", "ApiKey", "admin", whole=True,
          body=CreateKey, status=201, secret_answer=True),
    Route("GET", _KEY, keys.get_key, "Get an API key", "ApiKey", "admin", whole=True),
    Route("DELETE", _KEY, keys.delete_key, "Delete an API key", "ApiKey", "admin", whole=True),
)

DEV_ROUTES: Final[tuple[Route, ...]] = (
    Route("POST", "/webhooks/test", health.swallow, "A sink for trying webhooks", "Received", None),
)
"""Served only with ``--dev``."""
# fmt: on
