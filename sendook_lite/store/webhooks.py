"""Webhooks at rest: who is told about what, with which secrets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.events import wants
from sendook_lite.domain.model import DisabledReason, Secret, Webhook
from sendook_lite.store.page import Page, cut, seq_before
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx, View

_COLUMNS = (
    "seq, id, url, events, status, created_at, updated_at, disabled_reason, description,"
    " inbox_ids, headers, retry_schedule, timeout, rate_limit, consecutive_failures,"
    " (SELECT public_key FROM webhook_secrets"
    " WHERE webhook_seq = webhooks.seq AND expires_at IS NULL)"
)
_LIVE = f"SELECT {_COLUMNS} FROM webhooks WHERE deleted_at IS NULL"
_SUBSCRIPTIONS = "subscriptions"

JSON_COLUMNS = frozenset({"events", "inbox_ids", "headers", "retry_schedule"})


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the fan-out needs to know of an enabled webhook."""

    webhook_seq: int
    events: frozenset[str]
    inbox_ids: frozenset[str]


def _webhook(row: Row) -> Webhook:
    seq, identifier, url, events, status, created_at, updated_at, reason, text, *rest = row
    inbox_ids, headers, schedule, timeout, rate_limit, failures, public_key = rest
    return Webhook(
        seq=seq,
        id=identifier,
        url=url,
        events=tuple(json.loads(events)),
        status=status,
        created_at=created_at,
        updated_at=updated_at,
        disabled_reason=reason,
        description=text,
        inbox_ids=tuple(json.loads(inbox_ids)),
        headers=tuple((name, value) for name, value in json.loads(headers)),
        retry_schedule=None if schedule is None else tuple(json.loads(schedule)),
        timeout=timeout,
        rate_limit=rate_limit,
        consecutive_failures=failures,
        public_key=public_key,
    )


def insert(tx: Tx, fields: Mapping[str, Any], secret: Secret) -> Webhook:
    """Add an enabled webhook; ``fields`` are columns by name."""
    identifier = tx.ids.new("wh")
    columns = {
        "id": identifier, "status": "enabled", "created_at": tx.now, "updated_at": tx.now,
        **_encoded(fields),
    }  # fmt: skip
    seq = tx.insert(
        f"INSERT INTO webhooks ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        tuple(columns.values()),
    )
    _add_secret(tx, seq, secret)
    tx.memory.pop(_SUBSCRIPTIONS, None)
    return get_in(tx, identifier)


def update(tx: Tx, webhook: Webhook, fields: Mapping[str, Any]) -> Webhook:
    """Change columns of a webhook by name."""
    columns = {**_encoded(fields), "updated_at": tx.now}
    tx.execute(
        f"UPDATE webhooks SET {', '.join(f'{name} = ?' for name in columns)} WHERE seq = ?",
        (*columns.values(), webhook.seq),
    )
    tx.memory.pop(_SUBSCRIPTIONS, None)
    return get_in(tx, webhook.id)


def _encoded(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if name in JSON_COLUMNS and value is not None else value
        for name, value in fields.items()
    }


def get_in(tx: Tx, identifier: str) -> Webhook:
    """Return a webhook inside a transaction; NotFound when there is none."""
    row = tx.one(f"{_LIVE} AND id = ?", (identifier,))
    if row is None:
        raise NotFound("webhook")
    return _webhook(row)


def find_by_seq(tx: Tx, seq: int) -> Webhook | None:
    """Return a webhook by its place, inside a transaction."""
    row = tx.one(f"{_LIVE} AND seq = ?", (seq,))
    return _webhook(row) if row else None


def mark_deleted(tx: Tx, webhook: Webhook) -> None:
    """Make a webhook disappear at once; its deliveries are removed in batches."""
    tx.execute(
        "UPDATE webhooks SET deleted_at = ?, status = 'disabled', cancel_up_to = 0 WHERE seq = ?",
        (tx.now, webhook.seq),
    )
    tx.memory.pop(_SUBSCRIPTIONS, None)


def disable(tx: Tx, seq: int, reason: DisabledReason) -> None:
    """Disable a webhook; what it is owed is canceled in batches.

    These go on although it is enabled again meanwhile: what it is owed from then on is newer.
    """
    tx.execute(
        "UPDATE webhooks SET status = 'disabled', disabled_reason = ?, updated_at = ?,"
        " cancel_up_to = (SELECT ifnull(max(seq), 0) FROM deliveries) WHERE seq = ?",
        (reason, tx.now, seq),
    )
    tx.memory.pop(_SUBSCRIPTIONS, None)


def find_canceling(tx: Tx) -> tuple[int, int] | None:
    """Return a webhook with deliveries still to be canceled, and the newest of them."""
    row = tx.one("SELECT seq, cancel_up_to FROM webhooks WHERE cancel_up_to > 0 LIMIT 1")
    return (row[0], row[1]) if row else None


def find_cancellation(view: View, seq: int) -> int | None:
    """Return up to which delivery an enabled webhook is owed nothing; None unless enabled."""
    row = view.one("SELECT cancel_up_to FROM webhooks WHERE seq = ? AND status = 'enabled'", (seq,))
    return row[0] if row else None


def end_canceling(tx: Tx, seq: int) -> None:
    """Note that no delivery of a webhook is left to be canceled."""
    tx.execute("UPDATE webhooks SET cancel_up_to = 0 WHERE seq = ?", (seq,))


def find_deleted(tx: Tx) -> int | None:
    """Return a deleted webhook whose rows are still there."""
    row = tx.one("SELECT seq FROM webhooks WHERE deleted_at IS NOT NULL LIMIT 1")
    return row[0] if row else None


def remove(tx: Tx, seq: int) -> None:
    """Remove the row of a deleted webhook that owes nothing any more."""
    tx.execute("DELETE FROM webhook_secrets WHERE webhook_seq = ?", (seq,))
    tx.execute("DELETE FROM webhooks WHERE seq = ?", (seq,))


def subscribers(tx: Tx, event_type: str, inbox_id: str | None) -> list[int]:
    """Return the enabled webhooks that take an event; remembered between transactions."""
    by_type: dict[str, list[Subscription]] | None = tx.memory.get(_SUBSCRIPTIONS)
    if by_type is None:
        by_type = tx.memory[_SUBSCRIPTIONS] = _subscriptions_by_type(tx)
    return [
        each.webhook_seq
        for each in by_type.get(event_type, ())
        if wants(each.events, each.inbox_ids, event_type, inbox_id)
    ]


def _subscriptions_by_type(tx: Tx) -> dict[str, list[Subscription]]:
    """Read who is subscribed; by type, so that webhooks for other events cost an event nothing."""
    by_type: dict[str, list[Subscription]] = {}
    for seq, events, inbox_ids in tx.all(
        "SELECT seq, events, inbox_ids FROM webhooks"
        " WHERE status = 'enabled' AND deleted_at IS NULL ORDER BY seq"
    ):
        subscription = Subscription(
            seq, frozenset(json.loads(events)), frozenset(json.loads(inbox_ids))
        )
        for event_type in subscription.events:
            by_type.setdefault(event_type, []).append(subscription)
    return by_type


def enabled(tx: Tx) -> list[int]:
    """Return the webhooks that may have work."""
    return [
        row[0]
        for row in tx.all(
            "SELECT seq FROM webhooks WHERE status = 'enabled' AND deleted_at IS NULL ORDER BY seq"
        )
    ]


def secrets_in(tx: Tx, seq: int) -> list[Secret]:
    """Return the secrets that sign now: the current one first, then earlier ones in overlap."""
    return [Secret(*row) for row in tx.all(_SECRETS, {"webhook": seq, "now": tx.now})]


_SECRETS = (
    "SELECT secret, expires_at, public_key FROM webhook_secrets WHERE webhook_seq = :webhook"
    " AND (expires_at IS NULL OR expires_at > :now) ORDER BY expires_at IS NULL DESC, seq DESC"
)


def replace_secret(tx: Tx, webhook: Webhook, secret: Secret, expires_at: int) -> Webhook:
    """Make a secret the current one; no other is valid for longer than until ``expires_at``.

    An earlier secret may become the current one again.
    """
    tx.execute(
        "DELETE FROM webhook_secrets WHERE webhook_seq = ? AND secret = ?",
        (webhook.seq, secret.value),
    )
    tx.execute(
        "UPDATE webhook_secrets SET expires_at = min(ifnull(expires_at, :at), :at)"
        " WHERE webhook_seq = :webhook",
        {"at": expires_at, "webhook": webhook.seq},
    )
    _add_secret(tx, webhook.seq, secret)
    return update(tx, webhook, {})


def _add_secret(tx: Tx, seq: int, secret: Secret) -> None:
    tx.execute(
        "INSERT INTO webhook_secrets (webhook_seq, secret, public_key) VALUES (?, ?, ?)",
        (seq, secret.value, secret.public_key),
    )


def remove_expired_secrets(tx: Tx, limit: int) -> int:
    """Remove some secrets that sign no more; returns how many."""
    return tx.execute(
        "DELETE FROM webhook_secrets WHERE seq IN"
        " (SELECT seq FROM webhook_secrets WHERE expires_at <= ? LIMIT ?)",
        (tx.now, limit),
    ).rowcount


async def list_page(reader: Reader, limit: int, before: str | None) -> Page[Webhook]:
    """Return webhooks, newest first."""
    rows = await reader.all(
        f"{_LIVE} AND {seq_before('webhooks', before)} ORDER BY seq DESC LIMIT :limit",
        {"before": before, "limit": limit + 1},
    )
    return cut([_webhook(row) for row in rows], limit)


async def get(reader: Reader, identifier: str) -> Webhook:
    """Return a webhook; NotFound when there is none."""
    row = await reader.one(f"{_LIVE} AND id = ?", (identifier,))
    if row is None:
        raise NotFound("webhook")
    return _webhook(row)


async def secrets(reader: Reader, webhook: Webhook, now: int) -> list[Secret]:
    """Return the secrets that sign now, the current one first."""
    return [
        Secret(*row) for row in await reader.all(_SECRETS, {"webhook": webhook.seq, "now": now})
    ]
