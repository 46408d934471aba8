"""Replays at rest: a period of the log, a cursor in it, and what has come of it so far."""

import json
from collections.abc import Mapping

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Replay, ReplayScope, Webhook
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

_SELECT = (
    "SELECT replays.seq, replays.id, webhooks.seq, webhooks.id, replays.since, replays.until,"
    " replays.events, replays.scope, replays.state, replays.cursor_at, replays.cursor_seq,"
    " replays.matched, replays.created, replays.delivered, replays.failed, replays.created_at,"
    " replays.updated_at FROM replays JOIN webhooks ON webhooks.seq = replays.webhook_seq"
    " AND webhooks.deleted_at IS NULL"
)


def _replay(row: Row) -> Replay:
    seq, identifier, webhook_seq, webhook_id, since, until, events, *rest = row
    named = None if events is None else tuple(json.loads(events))
    return Replay(seq, identifier, webhook_seq, webhook_id, since, until, named, *rest)


def insert(
    tx: Tx,
    webhook: Webhook,
    since: int,
    until: int,
    events: tuple[str, ...] | None,
    scope: ReplayScope,
) -> Replay:
    """Add a running replay of the events of a period, both ends included."""
    identifier = tx.ids.new("rpl")
    tx.insert(
        "INSERT INTO replays (id, webhook_seq, since, until, events, scope, state, cursor_at,"
        " cursor_seq, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 'running', ?, 0, ?, ?)",
        (
            identifier,
            webhook.seq,
            since,
            until,
            None if events is None else json.dumps(events),
            scope,
            since,
            tx.now,
            tx.now,
        ),
    )
    return get_in(tx, webhook.id, identifier)


def get_in(tx: Tx, webhook_id: str, identifier: str) -> Replay:
    """Return a replay of a webhook inside a transaction; NotFound when it has none such."""
    row = tx.one(f"{_SELECT} WHERE replays.id = ? AND webhooks.id = ?", (identifier, webhook_id))
    if row is None:
        raise NotFound("replay")
    return _replay(row)


def find_running(tx: Tx, behind: int) -> Replay | None:
    """Return the next running replay behind a place, so that several take turns."""
    row = tx.one(
        f"{_SELECT} WHERE replays.state = 'running' AND replays.seq > ?"
        " ORDER BY replays.seq LIMIT 1",
        (behind,),
    )
    return _replay(row) if row else None


def events_ahead(tx: Tx, replay: Replay, limit: int) -> list[Row]:
    """Return the next events of a replay's period: (seq, type, inbox id, time), oldest first."""
    return tx.all(
        "SELECT seq, type, inbox_id, created_at FROM events"
        " WHERE (created_at, seq) > (?, ?) AND created_at <= ? AND is_test = 0"
        " ORDER BY created_at, seq LIMIT ?",
        (replay.cursor_at, replay.cursor_seq, replay.until, limit),
    )


def advance(
    tx: Tx, replay: Replay, cursor: tuple[int, int], *, matched: int, created: int, done: bool
) -> None:
    """Move a replay's cursor, given as (time, seq), and add to its counts."""
    tx.execute(
        "UPDATE replays SET cursor_at = ?, cursor_seq = ?, matched = matched + ?,"
        " created = created + ?, state = iif(?, 'done', state), updated_at = ? WHERE seq = ?",
        (*cursor, matched, created, done, tx.now, replay.seq),
    )


def cancel(tx: Tx, replay: Replay) -> None:
    """End a replay; its pending deliveries are canceled in batches."""
    tx.execute(
        "UPDATE replays SET state = 'canceled', canceling = 1, updated_at = ? WHERE seq = ?",
        (tx.now, replay.seq),
    )


def cancel_of_webhook(tx: Tx, webhook_seq: int) -> None:
    """End the running replays of a webhook that was disabled; it cancels what is pending itself."""
    tx.execute(
        "UPDATE replays SET state = 'canceled', updated_at = ?"
        " WHERE webhook_seq = ? AND state = 'running'",
        (tx.now, webhook_seq),
    )


def find_canceling(tx: Tx) -> int | None:
    """Return a canceled replay with deliveries that are still pending."""
    row = tx.one("SELECT seq FROM replays WHERE canceling = 1 LIMIT 1")
    return row[0] if row else None


def end_canceling(tx: Tx, seq: int) -> None:
    """Note that nothing of a canceled replay is pending any more."""
    tx.execute("UPDATE replays SET canceling = 0 WHERE seq = ?", (seq,))


def count_ended(tx: Tx, ended: Mapping[int, tuple[int, int]]) -> None:
    """Add deliveries that ended, by replay: (delivered, failed)."""
    tx.execute_many(
        "UPDATE replays SET delivered = delivered + ?, failed = failed + ?, updated_at = ?"
        " WHERE seq = ?",
        [(delivered, failed, tx.now, seq) for seq, (delivered, failed) in ended.items()],
    )


def remove_ended(tx: Tx, before: int, place: int, rows: int) -> int | None:
    """Remove replays that ended before a moment, some rows at a time.

    One whose deliveries are still under way stays. The walk goes on behind the place that is
    returned; None: it is at its end, or where the younger ones begin.
    """
    found = tx.all(
        "SELECT seq, created_at, updated_at, state, canceling FROM replays"
        " WHERE seq > ? ORDER BY seq LIMIT ?",
        (place, rows),
    )
    for seq, created_at, updated_at, state, canceling in found:
        if created_at >= before:
            return None
        owed = "SELECT 1 FROM deliveries WHERE replay_seq = ? AND due_at IS NOT NULL LIMIT 1"
        if (
            updated_at < before
            and state != "running"
            and not canceling
            and tx.one(owed, (seq,)) is None
        ):
            tx.execute("DELETE FROM replays WHERE seq = ?", (seq,))
        place = seq
    return place if found else None


def remove_of_webhook(tx: Tx, webhook_seq: int, limit: int) -> int:
    """Remove some replays of a deleted webhook; returns how many."""
    return tx.execute(
        "DELETE FROM replays WHERE seq IN (SELECT seq FROM replays WHERE webhook_seq = ? LIMIT ?)",
        (webhook_seq, limit),
    ).rowcount


async def list_of_webhook(reader: Reader, webhook_id: str) -> list[Replay]:
    """Return the replays of a webhook, newest first."""
    rows = await reader.all(
        f"{_SELECT} WHERE webhooks.id = ? ORDER BY replays.seq DESC LIMIT 100", (webhook_id,)
    )
    return [_replay(row) for row in rows]
