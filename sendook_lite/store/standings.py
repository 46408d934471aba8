"""How each webhook's endpoint has done, at rest: counters on its row, and sums by the hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from sendook_lite.domain.disabling import Standing
from sendook_lite.domain.model import DisabledReason, WebhookStatus
from sendook_lite.store.reader import Reader
from sendook_lite.store.statistics import HOUR_MS
from sendook_lite.store.tx import Tx, in_statements, values_of

SUCCESS_NOTED_EVERY_MS: Final = 1000
"""A healthy endpoint succeeds with every delivery; its row is written once a second for that."""


@dataclass(frozen=True, slots=True)
class Found:
    """The standing of a webhook, where it leads, whether it is enabled, and its last success."""

    url: str
    enabled: bool
    standing: Standing
    succeeded_at: int | None

    def succeeded_lately(self, now: int) -> bool:
        """Say whether another success, if that is all, need not be noted."""
        at = self.succeeded_at
        return at is not None and 0 <= now - at < SUCCESS_NOTED_EVERY_MS


class Endings(NamedTuple):
    """How many deliveries ended so."""

    delivered: int
    failed: int


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
        " alerted, last_success_at FROM webhooks WHERE seq = ? AND deleted_at IS NULL",
        (webhook_seq,),
    )
    if row is None:
        return None
    url, enabled, *standing, succeeded_at = row
    return Found(url, bool(enabled), Standing(*standing), succeeded_at)


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


def count_endings(tx: Tx, by_webhook: Mapping[int, Endings]) -> None:
    """Add deliveries that ended to the hour that it is."""
    hour = tx.now - tx.now % HOUR_MS
    rows = [(seq, hour, *endings) for seq, endings in by_webhook.items()]
    for some in in_statements(rows):
        tx.execute(
            "INSERT INTO webhook_hours (webhook_seq, hour, delivered, failed)"
            f" {values_of(len(some), 4)} ON CONFLICT (webhook_seq, hour) DO UPDATE SET"
            " delivered = delivered + excluded.delivered, failed = failed + excluded.failed",
            tuple(chain.from_iterable(some)),
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
