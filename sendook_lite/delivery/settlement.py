"""From a due delivery to the request that is made of it, and to what is recorded of its outcome."""

from sendook_lite.delivery.endpoint import Request
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.model import DueDelivery, Settlement
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.retry import Verdict


def request_of(delivery: DueDelivery) -> Request:
    """Return what is sent of a delivery."""
    return Request(
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        delivery_id=delivery.id,
        attempt=delivery.attempt_count + 1,
        body=delivery.body,
    )


def settlement_of(
    delivery: DueDelivery,
    outcome: Outcome,
    verdict: Verdict,
    started_at: int,
    *,
    due_at: int | None,
    url: str,
) -> Settlement:
    """Return what is recorded of an attempt.

    Args:
        delivery: what was sent.
        outcome: how it ended.
        verdict: what follows.
        started_at: ms since the epoch.
        due_at: when the next attempt is due, on the steady clock; None where there is none.
        url: where it was sent to, which is gone where the verdict says so.
    """
    return Settlement(
        delivery=delivery,
        started_at=started_at,
        duration_ms=round(outcome.duration_ms),
        status=outcome.status,
        error=outcome.error_text,
        response=outcome.response_text,
        state="pending" if verdict.state == "retry" else verdict.state,
        due_at=due_at,
        delay=round(verdict.delay * MS_PER_SECOND),
        gone_url=url if verdict.gone else None,
    )
