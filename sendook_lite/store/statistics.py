"""How a webhook has done, from sums by the hour and its last attempts, not by counting rows."""

from sendook_lite.domain.model import HourCount, Webhook, WebhookStatistics
from sendook_lite.store.reader import Reader

HOUR_MS = 3_600_000
HOURS_SHOWN = 24

DURATIONS_TAKEN = 1000
"""Of how many of the last attempts the median and the 95th percentile are taken."""


async def of_webhook(reader: Reader, webhook: Webhook, now: int) -> WebhookStatistics:
    """Return the statistics of a webhook; hours oldest first, the present one last."""
    this_hour = now - now % HOUR_MS
    rows = await reader.all(
        "SELECT hour, delivered, failed FROM webhook_hours WHERE webhook_seq = ?", (webhook.seq,)
    )
    by_hour = {hour: (delivered, failed) for hour, delivered, failed in rows}
    first = this_hour - (HOURS_SHOWN - 1) * HOUR_MS
    pending = await reader.one(
        "SELECT count(*) FROM deliveries INDEXED BY deliveries_due"
        " WHERE webhook_seq = ? AND due_at IS NOT NULL",
        (webhook.seq,),
    )
    latest = await reader.one(
        "SELECT last_success_at, last_failure_at FROM webhooks WHERE seq = ?", (webhook.seq,)
    )
    durations = await reader.all(
        "SELECT duration FROM attempts WHERE webhook_seq = ? AND trigger <> 'test'"
        " ORDER BY seq DESC LIMIT ?",
        (webhook.seq, DURATIONS_TAKEN),
    )
    taken = sorted(row[0] for row in durations)
    return WebhookStatistics(
        delivered=sum(delivered for delivered, _ in by_hour.values()),
        failed=sum(failed for _, failed in by_hour.values()),
        pending=pending[0] if pending else 0,
        p50_ms=percentile(taken, 0.50),
        p95_ms=percentile(taken, 0.95),
        last_success_at=latest[0] if latest else None,
        last_failure_at=latest[1] if latest else None,
        hours=tuple(
            HourCount(hour, *by_hour.get(hour, (0, 0)))
            for hour in range(first, this_hour + 1, HOUR_MS)
        ),
    )


def percentile(ordered: list[int], share: float) -> int:
    """Return the value below or at which a share of the values lies; 0 of none."""
    if not ordered:
        return 0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
