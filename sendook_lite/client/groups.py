"""What the API can do, resource by resource; each function says what is sent (docs/api.md)."""

from collections.abc import Sequence
from typing import Literal, Unpack

from sendook_lite.client.operations import Carrier, Group, listing, operation, stream
from sendook_lite.client.request import (
    Following,
    Listing,
    Request,
    delete,
    download,
    get,
    patch,
    path_of,
    post,
)
from sendook_lite.client.resources import (
    ApiKey,
    Attempt,
    DailyCount,
    Delivery,
    DnsRecord,
    Domain,
    Event,
    EventType,
    Inbox,
    Letter,
    Message,
    NewMessage,
    Replay,
    Scope,
    Secret,
    Suppression,
    TestResult,
    Thread,
    ThreadSummary,
    Usage,
    Webhook,
    WebhookBody,
    WebhookChanges,
    WebhookOptions,
    WebhookStatistics,
)


class Inboxes(Group[Carrier]):
    """Addresses that get mail."""

    @operation
    def create(self, *, name: str | None = None, email: str | None = None) -> Request[Inbox]:
        """Create an inbox; without an address one is made of the name."""
        return post("inboxes", name=name, email=email)

    @operation
    def get(self, inbox_id: str) -> Request[Inbox]:
        """Get an inbox."""
        return get("inboxes", inbox_id)

    @operation
    def rename(self, inbox_id: str, name: str | None) -> Request[Inbox]:
        """Give an inbox another name, or none."""
        return patch("inboxes", inbox_id, name=name)

    @operation
    def delete(self, inbox_id: str) -> Request[Inbox]:
        """Delete an inbox with its mail."""
        return delete("inboxes", inbox_id)

    @listing
    def list(self, *, limit: int | None = None) -> Listing[Inbox]:
        """List inboxes, newest first."""
        return Listing(get("inboxes"), limit)


class Messages(Group[Carrier]):
    """Mail that came in and mail that goes out, by inbox."""

    @listing
    def list(
        self,
        inbox_id: str,
        *,
        query: str | None = None,
        label: str | None = None,
        from_: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
    ) -> Listing[Message]:
        """List or search the messages of an inbox, newest first."""
        return Listing(
            get(
                "inboxes", inbox_id, "messages",
                query=query, label=label, from_=from_, since=since, until=until,
            ),
            limit,
        )  # fmt: skip

    @operation
    def get(self, inbox_id: str, message_id: str) -> Request[Message]:
        """Get a message."""
        return get("inboxes", inbox_id, "messages", message_id)

    @operation
    def send(self, inbox_id: str, **message: Unpack[NewMessage]) -> Request[Message]:
        """Send a mail; what becomes of it is told by events."""
        return post("inboxes", inbox_id, "messages", "send", **message)

    @operation
    def reply(
        self,
        inbox_id: str,
        message_id: str,
        *,
        reply_all: bool | None = None,
        **letter: Unpack[Letter],
    ) -> Request[Message]:
        """Answer a mail, in its thread."""
        path = ("inboxes", inbox_id, "messages", message_id, "reply")
        return post(*path, reply_all=reply_all, **letter)

    @operation
    def label(self, inbox_id: str, message_id: str, labels: Sequence[str]) -> Request[Message]:
        """Replace the labels of a message."""
        return patch("inboxes", inbox_id, "messages", message_id, labels=labels)

    @operation
    def delete(self, inbox_id: str, message_id: str) -> Request[Message]:
        """Delete a message."""
        return delete("inboxes", inbox_id, "messages", message_id)

    @operation
    def raw(self, inbox_id: str, message_id: str) -> Request[bytes]:
        """Get a mail as it came."""
        return download("inboxes", inbox_id, "messages", message_id, "raw")

    @operation
    def attachment(self, inbox_id: str, message_id: str, attachment_id: str) -> Request[bytes]:
        """Get the bytes of an attachment."""
        path = ("inboxes", inbox_id, "messages", message_id, "attachments", attachment_id)
        return download(*path)

    @operation
    def sent_today(self) -> Request[DailyCount]:
        """Count what was sent since midnight (UTC)."""
        return get("stats", "messages", "daily")

    @operation
    def usage(self) -> Request[Usage]:
        """Count what was sent this month."""
        return get("stats", "usage")


class Threads(Group[Carrier]):
    """Conversations, by inbox."""

    @listing
    def list(self, inbox_id: str, *, limit: int | None = None) -> Listing[ThreadSummary]:
        """List threads, with the ids of their messages."""
        return Listing(get("inboxes", inbox_id, "threads"), limit)

    @operation
    def get(self, inbox_id: str, thread_id: str, *, after: str | None = None) -> Request[Thread]:
        """Get a thread with its messages, oldest first; ``truncated``: go on after the last."""
        return get("inboxes", inbox_id, "threads", thread_id, after=after)


class Webhooks(Group[Carrier]):
    """Subscriptions of URLs to events."""

    @operation
    def create(
        self, url: str, events: Sequence[EventType], **options: Unpack[WebhookOptions]
    ) -> Request[Webhook]:
        """Create a webhook; its secret is in the answer."""
        return post("webhooks", url=url, events=events, **options)

    @operation
    def get(self, webhook_id: str) -> Request[Webhook]:
        """Get a webhook."""
        return get("webhooks", webhook_id)

    @operation
    def change(self, webhook_id: str, **changes: Unpack[WebhookChanges]) -> Request[Webhook]:
        """Change what is named; None removes it."""
        return patch("webhooks", webhook_id, **changes)

    @operation
    def delete(self, webhook_id: str) -> Request[Webhook]:
        """Delete a webhook."""
        return delete("webhooks", webhook_id)

    @operation
    def test(self, webhook_id: str) -> Request[TestResult]:
        """Send a test event and wait for the answer of the endpoint."""
        return post("webhooks", webhook_id, "test")

    @operation
    def secret(self, webhook_id: str) -> Request[Secret]:
        """Get what verifies its signatures."""
        return get("webhooks", webhook_id, "secret")

    @operation
    def rotate_secret(
        self, webhook_id: str, *, grace_seconds: int | None = None, secret: str | None = None
    ) -> Request[Secret]:
        """Replace the secret; the former one goes on signing for a day, or as long as is said."""
        path = ("webhooks", webhook_id, "secret", "rotate")
        return post(*path, grace_seconds=grace_seconds, secret=secret)

    @operation
    def statistics(self, webhook_id: str) -> Request[WebhookStatistics]:
        """Tell how a webhook has done."""
        return get("webhooks", webhook_id, "stats")

    @operation
    def replay(
        self,
        webhook_id: str,
        *,
        since: str,
        until: str | None = None,
        events: Sequence[EventType] | None = None,
        status: Literal["undelivered", "failed", "all"] | None = None,
    ) -> Request[Replay]:
        """Send a period of the log again."""
        path = ("webhooks", webhook_id, "replay")
        return post(*path, since=since, until=until, events=events, status=status)

    @operation
    def cancel_replay(self, webhook_id: str, replay_id: str) -> Request[Replay]:
        """End a replay."""
        return delete("webhooks", webhook_id, "replays", replay_id)

    @listing
    def replays(self, webhook_id: str) -> Listing[Replay]:
        """List replays, newest first."""
        return Listing(get("webhooks", webhook_id, "replays"), None)

    @listing
    def attempts(self, webhook_id: str, *, limit: int | None = None) -> Listing[Attempt]:
        """List the last requests to its endpoint, newest first."""
        return Listing(get("webhooks", webhook_id, "attempts"), limit)

    @listing
    def list(self, *, limit: int | None = None) -> Listing[Webhook]:
        """List webhooks, newest first."""
        return Listing(get("webhooks"), limit)


class Events(Group[Carrier]):
    """The log of what happened."""

    @listing
    def list(
        self,
        *,
        after: str | None = None,
        type: EventType | None = None,  # noqa: A002 - the field's word
        inbox_id: str | None = None,
        limit: int | None = None,
    ) -> Listing[Event]:
        """List events behind one, oldest first."""
        return Listing(get("events", after=after, type=type, inbox_id=inbox_id), limit)

    @operation
    def get(self, event_id: str) -> Request[Event]:
        """Get an event."""
        return get("events", event_id)

    @stream
    def stream(
        self,
        *,
        after: str | None = None,
        types: Sequence[EventType] | None = None,
        inbox_id: str | None = None,
    ) -> Following[WebhookBody]:
        """Follow the log as it grows; a lost connection is made again, without a gap."""
        names = None if types is None else ",".join(types)
        return Following(get("events", "stream", type=names, inbox_id=inbox_id), after)


class Deliveries(Group[Carrier]):
    """What webhooks are owed of events."""

    @listing
    def list(
        self,
        *,
        status: Literal["pending", "delivered", "failed", "canceled"] | None = None,
        webhook_id: str | None = None,
        event_id: str | None = None,
        limit: int | None = None,
    ) -> Listing[Delivery]:
        """List deliveries, newest first."""
        query = get("deliveries", status=status, webhook_id=webhook_id, event_id=event_id)
        return Listing(query, limit)

    @operation
    def get(self, delivery_id: str) -> Request[Delivery]:
        """Get a delivery with its attempts."""
        return get("deliveries", delivery_id)

    @operation
    def retry(self, delivery_id: str) -> Request[Delivery]:
        """Attempt a delivery once more, now."""
        return post("deliveries", delivery_id, "retry")


class Keys(Group[Carrier]):
    """API keys; for admin keys."""

    @operation
    def create(
        self,
        name: str,
        *,
        scopes: Sequence[Scope] | None = None,
        inbox_ids: Sequence[str] | None = None,
    ) -> Request[ApiKey]:
        """Create a key; it is in the answer, and never shown again."""
        return post("api_keys", name=name, scopes=scopes, inbox_ids=inbox_ids)

    @operation
    def get(self, key_id: str) -> Request[ApiKey]:
        """Get a key, without what it is."""
        return get("api_keys", key_id)

    @operation
    def delete(self, key_id: str) -> Request[ApiKey]:
        """Delete a key; it ends at once."""
        return delete("api_keys", key_id)

    @listing
    def list(self, *, limit: int | None = None) -> Listing[ApiKey]:
        """List keys, newest first."""
        return Listing(get("api_keys"), limit)


class Domains(Group[Carrier]):
    """Domains whose mail is for this server; named by id or by name."""

    @operation
    def create(self, name: str) -> Request[Domain]:
        """Add a domain; the DNS records it needs are in the answer."""
        return post("domains", name=name)

    @operation
    def get(self, domain: str) -> Request[Domain]:
        """Get a domain."""
        return get("domains", domain)

    @operation
    def delete(self, domain: str) -> Request[Domain]:
        """Remove a domain."""
        return delete("domains", domain)

    @operation
    def verify(self, domain: str) -> Request[Domain]:
        """Look at the DNS."""
        return post("domains", domain, "verify")

    @listing
    def dns(self, domain: str) -> Listing[DnsRecord]:
        """List the records that a domain needs."""
        return Listing(get("domains", domain, "dns"), None)

    @listing
    def list(self, *, limit: int | None = None) -> Listing[Domain]:
        """List domains."""
        return Listing(get("domains"), limit)


class Suppressions(Group[Carrier]):
    """Addresses that get no mail."""

    @listing
    def list(self, *, limit: int | None = None) -> Listing[Suppression]:
        """List them."""
        return Listing(get("suppressions"), limit)

    @operation
    def remove(self, address: str) -> Request[Suppression]:
        """Let an address get mail again."""
        return Request("DELETE", path_of("suppressions", address))
