"""What is recorded of an attempt. Pure."""

from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.model import DueDelivery, Settlement
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.retry import Verdict


def settlement_of(
    delivery: DueDelivery,
    outcome: Outcome,
    verdict: Verdict,
    started_at: int,
    *,
    due_at: int | None = None,
    url: str | None = None,
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
    # By position: there is one for every attempt, and names take half as long again.
    return Settlement(
        delivery,
        started_at,
        round(outcome.duration_ms),
        outcome.status,
        outcome.error_text,
        outcome.response_text,
        "pending" if verdict.state == "retry" else verdict.state,
        due_at,
        round(verdict.delay * MS_PER_SECOND),
        url if verdict.gone else None,
    )
