"""Alerts at rest: each with one row for everybody who is to be told, due until it was."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sendook_lite.domain.alerts import Alert, Channel
from sendook_lite.domain.disabling import AlertKind
from sendook_lite.store.tx import Tx

KEPT_FOR_MS: Final = 30 * 24 * 3_600_000
"""How long an alert stays."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert that is to be told in one way; ``tries`` counts what was tried before."""

    alert_seq: int
    channel: Channel
    tries: int
    alert: Alert


def insert(
    tx: Tx,
    webhook_seq: int,
    kind: AlertKind,
    alert: Alert,
    channels: Collection[Channel],
    due_at: int,
) -> None:
    """Add an alert that is to be told in some ways."""
    seq = tx.insert(
        "INSERT INTO alerts (webhook_seq, kind, body, created_at) VALUES (?, ?, ?, ?)",
        (webhook_seq, kind, json.dumps(alert), tx.now),
    )
    tx.execute_many(
        "INSERT INTO alert_notices (alert_seq, channel, due_at) VALUES (?, ?, ?)",
        [(seq, channel, due_at) for channel in channels],
    )


def remove_old(tx: Tx, rows: int) -> bool:
    """Remove some alerts that were kept for long enough, told or given up; False: none is left.

    Only the oldest are looked at. None is still to be told by then: the last try is long over.
    """
    removed = tx.execute(
        "DELETE FROM alerts WHERE seq IN (SELECT seq FROM alerts ORDER BY seq LIMIT ?)"
        " AND created_at < ?",
        (rows, tx.now - KEPT_FOR_MS),
    )
    return removed.rowcount > 0


def take_due(tx: Tx, channel: Channel, now: int, limit: int) -> tuple[list[Notice], int | None]:
    """Read what is to be told now in one way, oldest first, and when the next one is due.

    A unit of work although it writes nothing: a reader might still see what was told already.
    """
    rows = tx.all(
        "SELECT alert_seq, due_at, tries FROM alert_notices"
        " WHERE channel = ? AND due_at IS NOT NULL ORDER BY due_at, alert_seq LIMIT ?",
        (channel, limit + 1),
    )
    due = [row for row in rows if row[1] <= now][:limit]
    bodies = [tx.one("SELECT body FROM alerts WHERE seq = ?", (row[0],)) for row in due]
    notices = [
        Notice(seq, channel, tries, json.loads(body[0]))
        for (seq, _, tries), body in zip(due, bodies, strict=True)
        if body is not None
    ]
    return notices, rows[len(due)][1] if len(rows) > len(due) else None


def note_told(tx: Tx, notices: Iterable[Notice]) -> None:
    """Note that alerts were told in one way."""
    for notice in notices:
        note_failed(tx, notice, None, None)


def note_failed(tx: Tx, notice: Notice, error: str | None, due_at: int | None) -> None:
    """Note why an alert could not be told, and when to try again; None: given up."""
    tx.execute(
        "UPDATE alert_notices SET tries = tries + 1, error = ?, due_at = ?"
        " WHERE alert_seq = ? AND channel = ?",
        (error, due_at, notice.alert_seq, notice.channel),
    )


def resume(tx: Tx, channels: Collection[Channel], latest: int) -> int:
    """Prepare for a start; returns how many notices have lost their way of being told.

    These are given up. None is due later than ``latest``, whatever became of the clock meanwhile.
    """
    marks = ", ".join("?" * len(channels))
    tx.execute(
        "UPDATE alert_notices SET due_at = ? WHERE due_at IS NOT NULL AND due_at > ?",
        (latest, latest),
    )
    return tx.execute(
        "UPDATE alert_notices SET due_at = NULL, error = 'no longer configured'"
        f" WHERE due_at IS NOT NULL AND channel NOT IN ({marks})",
        tuple(channels),
    ).rowcount
