"""Webhooks as their owners see them: made, changed, tested, removed."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sendook_lite.domain import events
from sendook_lite.domain.clock import MS_PER_SECOND, Clock, iso
from sendook_lite.domain.endpoint_url import parse as parse_url
from sendook_lite.domain.errors import Conflict, FieldError, Invalid, NotFound
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import (
    Attempt,
    DueDelivery,
    Event,
    Secret,
    Settlement,
    Signing,
    Webhook,
    WebhookStatistics,
)
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.retry import decide
from sendook_lite.domain.settlement import settlement_of
from sendook_lite.domain.signing import prepare_secret
from sendook_lite.store import attempts, deliveries, settling, standings, statistics, webhooks
from sendook_lite.store import events as event_log
from sendook_lite.store.database import Store
from sendook_lite.store.page import Page
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.ports import DeliveryFeed, Probe

MAX_PREVIOUS_SECRETS = 5
"""Earlier secrets that may sign beside the current one; each costs every request a signature."""

_TEST_PAYLOAD: dict[str, Any] = {
    "test": "test",
    "from": "sender@example.com",
    "to": ["inbox@example.com"],
    "cc": [],
    "bcc": [],
    "labels": [],
    "subject": "A test from Sendook Lite",
    "text": "If you can read this, your webhook works.",
    "html": "<p>If you can read this, your webhook works.</p>",
    "attachments": [],
    "status": "received",
}


class Endpoints:
    """The use cases around webhooks."""

    def __init__(
        self,
        store: Store,
        feed: DeliveryFeed,
        probe: Probe,
        guard: Guard,
        clock: Clock,
        ids: Ids,
        *,
        allow_http: bool,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._feed = feed
        self._probe = probe
        self._guard = guard
        self._clock = clock
        self._ids = ids
        self._allow_http = allow_http
        self._random_bytes = random_bytes

    async def create(
        self, fields: Mapping[str, Any], secret: str | None = None
    ) -> tuple[Webhook, Secret]:
        """Make a webhook; returns it with its secret. ``fields`` are names of the model.

        Without a ``secret`` one is made; ``signing`` among the fields says of which kind.

        Raises:
            Invalid: the URL has the wrong form, or leads where webhooks may not go; or the secret
                is none of its kind.
        """
        self.judge_url(fields["url"])
        columns = dict(fields)
        current = self._prepare_secret(columns.pop("signing", "hmac"), secret)
        webhook = await self._store.writer.write(webhooks.insert, columns, current)
        self._feed.webhook_changed(webhook.seq)
        return webhook, current

    async def change(self, identifier: str, fields: Mapping[str, Any]) -> Webhook:
        """Change some fields of a webhook; ``status`` enables and disables it.

        Enabling, or giving it a new URL, forgets its failures. Disabling cancels what it is owed.

        Raises:
            NotFound: no such webhook.
            Invalid: as for ``create``; or the way of signing is not the one it was made with.
        """
        if "url" in fields:
            self.judge_url(fields["url"])
        webhook = await self._store.writer.write(_change, identifier, fields)
        self._feed.webhook_changed(webhook.seq)
        return webhook

    async def delete(self, identifier: str) -> Webhook:
        """Remove a webhook and, in the background, all it was owed; returns what it was."""
        webhook = await self._store.writer.write(_delete, identifier)
        self._feed.webhook_changed(webhook.seq)
        return webhook

    async def test(self, identifier: str) -> tuple[Attempt, bool]:
        """Send one test event now; returns the recorded attempt and whether it succeeded."""
        webhook = await webhooks.get(self._store.reader, identifier)
        signing = await webhooks.secrets(self._store.reader, webhook, self._clock.now())
        started_at = self._clock.now()
        event = self._test_event(started_at)
        delivery = DueDelivery(
            0, self._ids.new("dlv"), webhook.seq, event.id, event.type, event.body, 0, 0, "test", 0
        )
        outcome = await self._probe(webhook, signing, delivery)
        verdict = decide(outcome, 1, (), delivery.trigger, self._clock.now())
        done = settlement_of(delivery, outcome, verdict, started_at)
        await self._store.writer.write(_record_test, event, webhook.seq, done)
        recorded = await deliveries.get(self._store.reader, delivery.id)
        (attempt,) = await attempts.list_of_delivery(self._store.reader, recorded)
        return attempt, outcome.success

    async def get(self, identifier: str) -> Webhook:
        """Return a webhook; NotFound when there is none."""
        return await webhooks.get(self._store.reader, identifier)

    async def page(self, limit: int, before: str | None) -> Page[Webhook]:
        """Return webhooks, newest first."""
        return await webhooks.list_page(self._store.reader, limit, before)

    async def secrets(self, identifier: str) -> list[Secret]:
        """Return the secrets that sign now, the current one first."""
        webhook = await self.get(identifier)
        return await webhooks.secrets(self._store.reader, webhook, self._clock.now())

    async def rotate_secret(
        self, identifier: str, grace_seconds: int, secret: str | None = None
    ) -> list[Secret]:
        """Give a webhook a new secret; returns those that sign now, the new one first.

        The earlier ones sign beside it for ``grace_seconds`` more and no longer, whatever they were
        promised before: without grace they end at once. Without a ``secret`` one is made.

        Raises:
            NotFound: no such webhook.
            Invalid: the secret is none of the webhook's kind, or its current one.
            Conflict: too many earlier secrets are still valid.
        """
        webhook = await self.get(identifier)
        fresh = self._prepare_secret(webhook.signing, secret)
        signing = await self._store.writer.write(_rotate_secret, identifier, fresh, grace_seconds)
        self._feed.webhook_changed(webhook.seq)
        return signing

    async def attempts(self, identifier: str, limit: int) -> list[Attempt]:
        """Return the last attempts of a webhook, newest first."""
        webhook = await self.get(identifier)
        return await attempts.list_of_webhook(self._store.reader, webhook, limit)

    async def statistics(self, identifier: str) -> WebhookStatistics:
        """Return how a webhook has done."""
        webhook = await self.get(identifier)
        return await statistics.of_webhook(self._store.reader, webhook, self._clock.now())

    def judge_url(self, url: str) -> None:
        """Judge the form of a URL and a literal address in it; names are judged when called.

        Raises:
            Invalid: naming what was wrong and what would be right.
        """
        try:
            parsed = parse_url(url)
        except ValueError as error:
            raise _bad_url(str(error), url) from error
        if parsed.scheme != "https" and not self._allow_http:
            raise _bad_url(
                "must be an https:// URL (the setting delivery.allow_http allows plain http)", url
            )
        refusal = self._guard.judge_host(parsed.host)
        if refusal is not None:
            raise _bad_url(
                f"{refusal}; webhooks may not go there"
                " (the setting delivery.allow_networks opens private networks)",
                url,
            )

    def _prepare_secret(self, signing: Signing, given: str | None) -> Secret:
        try:
            return prepare_secret(signing, given, self._random_bytes)
        except ValueError as error:
            raise _bad_secret(f"cannot be used: {error}") from None

    def _test_event(self, now: int) -> Event:
        identifier = self._ids.new("evt")
        stamp = iso(now)
        payload = {**_TEST_PAYLOAD, "createdAt": stamp, "updatedAt": stamp}
        body = events.render_body(events.MESSAGE_RECEIVED, identifier, now, payload)
        return Event(0, identifier, events.MESSAGE_RECEIVED, None, None, body, now)


def _record_test(tx: Tx, event: Event, webhook_seq: int, done: Settlement) -> None:
    if webhooks.find_by_seq(tx, webhook_seq) is None:
        raise NotFound("webhook")  # deleted while its endpoint was asked
    stored = event_log.insert_test(tx, event)
    settling.record_test(tx, stored, webhook_seq, done)


def _change(tx: Tx, identifier: str, fields: Mapping[str, Any]) -> Webhook:
    webhook = webhooks.get_in(tx, identifier)
    changes = dict(fields)
    if changes.pop("signing", webhook.signing) != webhook.signing:
        text = f"cannot be changed: this webhook was made with {webhook.signing}; make another one"
        raise Invalid(f"signing {text}", (FieldError("signing", text, fields["signing"]),))
    status = changes.get("status", webhook.status)
    enabling = (webhook.status, status) == ("disabled", "enabled")
    disabling = (webhook.status, status) == ("enabled", "disabled")
    if enabling:
        changes["disabled_reason"] = None
    if disabling:
        webhooks.disable(tx, webhook.seq, "manual")
    if enabling or "url" in changes:
        standings.forgive(tx, webhook.seq)
    return webhooks.update(tx, webhook, changes) if changes else webhook


def _delete(tx: Tx, identifier: str) -> Webhook:
    webhook = webhooks.get_in(tx, identifier)
    webhooks.mark_deleted(tx, webhook)
    return webhook


def _rotate_secret(tx: Tx, identifier: str, fresh: Secret, grace_seconds: int) -> list[Secret]:
    webhook = webhooks.get_in(tx, identifier)
    current, *previous = webhooks.secrets_in(tx, webhook.seq)
    if fresh.value == current.value:
        raise _bad_secret("is the current secret already")
    kept = sum(each.value != fresh.value for each in previous)
    if grace_seconds and kept >= MAX_PREVIOUS_SECRETS:
        # Dropping the oldest instead would break a promise that somebody relies on.
        raise Conflict(
            "too_many_secrets",
            f"{MAX_PREVIOUS_SECRETS} earlier secrets are still valid: wait until one expires, or"
            " end them all now with graceSeconds 0",
        )
    # Signatures are stamped in whole seconds: a secret ends with one, never before its grace does.
    second = -(-tx.now // MS_PER_SECOND)
    expires_at = (second + grace_seconds) * MS_PER_SECOND if grace_seconds else tx.now
    webhooks.replace_secret(tx, webhook, fresh, expires_at)
    return webhooks.secrets_in(tx, webhook.seq)


def _bad_secret(text: str) -> Invalid:
    return Invalid(f"secret {text}", (FieldError("secret", text),))


def _bad_url(message: str, url: str) -> Invalid:
    text = f"Invalid webhook URL: {message}"
    return Invalid(text, (FieldError("url", text, url),), code="invalid_url")
