"""Decides what follows an attempt: done, again after a delay, or given up. Pure.

The rules are those of ``docs/design.md`` under "Outcomes".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from sendook_lite.domain.model import Trigger
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.retry_after import parse_retry_after

HOPELESS = frozenset({"blocked_address"})
"""Errors that another attempt cannot mend."""

MAX_RETRY_AFTER = 3600.0
"""Seconds; an endpoint that asks for more is asked again sooner."""

_MAY_ASK_TO_WAIT = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows an attempt.

    Attributes:
        state: what becomes of the delivery.
        delay: seconds until its next attempt; only for ``retry``.
        pause: seconds for which nothing at all is sent to the endpoint.
        gone: the endpoint wants no event ever again.
    """

    state: Literal["delivered", "failed", "retry"]
    delay: float = 0.0
    pause: float = 0.0
    gone: bool = False


DELIVERED = Verdict("delivered")
"""What follows every success."""


def decide(
    outcome: Outcome, tries: int, schedule: Sequence[float], trigger: Trigger, now: int
) -> Verdict:
    """Decide what follows an attempt.

    A Retry-After can only put the next attempt off: it never brings one forward, and never earns
    a delivery an attempt that its schedule does not have.

    Args:
        outcome: how the attempt ended.
        tries: attempts since the delivery was opened, this one included.
        schedule: seconds to wait after the first failure, the second, and so on.
        trigger: manual attempts and tests have no retries; a test has no effect on its webhook.
        now: epoch ms of the wall clock, against which a date in Retry-After is read.
    """
    if outcome.success:
        return DELIVERED
    if outcome.status == HTTPStatus.GONE:
        return Verdict("failed", gone=trigger != "test")
    wanted = _wanted_wait(outcome, now)
    pauses = outcome.status == HTTPStatus.TOO_MANY_REQUESTS and trigger != "test"
    pause = wanted if pauses else 0.0
    if trigger in ("manual", "test") or outcome.error in HOPELESS or tries > len(schedule):
        return Verdict("failed", pause=pause)
    return Verdict("retry", delay=max(schedule[tries - 1], wanted), pause=pause)


def _wanted_wait(outcome: Outcome, now: int) -> float:
    """Return the seconds an endpoint asks for, 0 when it does not or may not."""
    if outcome.retry_after is None or outcome.status not in _MAY_ASK_TO_WAIT:
        return 0.0
    return min(parse_retry_after(outcome.retry_after, now) or 0.0, MAX_RETRY_AFTER)
