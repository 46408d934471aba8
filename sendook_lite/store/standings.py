"""How each webhook's endpoint has done, at rest: counters on its row, and sums by the hour."""

from dataclasses import dataclass

from sendook_lite.domain.disabling import Standing
from sendook_lite.domain.model import DisabledReason, WebhookStatus
from sendook_lite.store.reader import Reader
from sendook_lite.store.statistics import HOUR_MS
from sendook_lite.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Found:
    """The standing of a webhook, where it leads, and whether it is enabled."""

    url: str
    enabled: bool
    standing: Standing


@dataclass(frozen=True, slots=True)
class Counts:
    """How many webhooks there are in which state; failing ones have had an alert and no success."""

    failing: int
    disabled: int


@dataclass(frozen=True, slots=True)
class Troubled:
    """A webhook that somebody should look at: disabled, or failing since ``first_failed_at``."""

    id: str
    url: str
    description: str | None
    status: WebhookStatus
    disabled_reason: DisabledReason | None
    failed_deliveries: int
    first_failed_at: int | None


def find(tx: Tx, webhook_seq: int) -> Found | None:
    """Return the standing of a webhook; None when it was deleted."""
    row = tx.one(
        "SELECT url, status = 'enabled', consecutive_failures, failed_deliveries, first_failed_at,"
        " alerted FROM webhooks WHERE seq = ? AND deleted_at IS NULL",
        (webhook_seq,),
    )
    return Found(row[0], bool(row[1]), Standing(*row[2:])) if row else None


def note(tx: Tx, webhook_seq: int, standing: Standing, *, succeeded: bool, failed: bool) -> None:
    """Keep the standing of a webhook, and that attempts succeeded or failed just now."""
    tx.execute(
        "UPDATE webhooks SET consecutive_failures = ?, failed_deliveries = ?, first_failed_at = ?,"
        " alerted = ?, last_success_at = ifnull(?, last_success_at),"
        " last_failure_at = ifnull(?, last_failure_at) WHERE seq = ?",
        (
            standing.failed_attempts,
            standing.failed_deliveries,
            standing.first_failed_at,
            standing.told,
            tx.now if succeeded else None,
            tx.now if failed else None,
            webhook_seq,
        ),
    )


def count_endings(tx: Tx, webhook_seq: int, delivered: int, failed: int) -> None:
    """Add deliveries that ended to the hour that it is."""
    tx.execute(
        "INSERT INTO webhook_hours (webhook_seq, hour, delivered, failed) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (webhook_seq, hour) DO UPDATE SET"
        " delivered = delivered + excluded.delivered, failed = failed + excluded.failed",
        (webhook_seq, tx.now - tx.now % HOUR_MS, delivered, failed),
    )


def forgive(tx: Tx, webhook_seq: int) -> None:
    """Forget the failures of a webhook, but not that its recovery is still to be told."""
    tx.execute(
        "UPDATE webhooks SET consecutive_failures = 0, failed_deliveries = 0,"
        " first_failed_at = NULL, alerted = iif(alerted IS NULL, NULL, 'forgiven') WHERE seq = ?",
        (webhook_seq,),
    )


async def troubled(reader: Reader, limit: int) -> list[Troubled]:
    """Return failing webhooks, then such as were disabled, but not by hand; newest first."""
    columns = (
        "SELECT id, url, description, status, disabled_reason, failed_deliveries, first_failed_at"
        " FROM webhooks WHERE deleted_at IS NULL AND"
    )
    failing = await reader.all(
        f"{columns} alerted IS NOT NULL AND status = 'enabled' AND failed_deliveries > 0"
        " ORDER BY seq DESC LIMIT ?",
        (limit,),
    )
    disabled = await reader.all(
        f"{columns} status = 'disabled' AND disabled_reason <> 'manual' ORDER BY seq DESC LIMIT ?",
        (limit - len(failing),),
    )
    return [Troubled(*row) for row in failing + disabled]


async def count(reader: Reader) -> Counts:
    """Count failing and disabled webhooks, by indexes that hold these only."""
    row = await reader.one(
        "SELECT (SELECT count(*) FROM webhooks WHERE alerted IS NOT NULL AND status = 'enabled'"
        " AND deleted_at IS NULL),"
        " (SELECT count(*) FROM webhooks WHERE status = 'disabled' AND deleted_at IS NULL)"
    )
    return Counts(*row) if row else Counts(0, 0)
