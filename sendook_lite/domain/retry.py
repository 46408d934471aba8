"""Decides what follows an attempt: done, again after a delay, or given up. Pure.

The rules are those of ``docs/design.md`` under "Outcomes".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sendook_lite.domain.model import Trigger
from sendook_lite.domain.outcome import Outcome

RETRYABLE_NEVER = frozenset({"blocked_address"})
"""Errors that another attempt cannot mend."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery; ``delay`` in seconds, only for ``retry``."""

    state: Literal["delivered", "failed", "retry"]
    delay: float = 0.0


def decide(
    outcome: Outcome, attempts_made: int, schedule: Sequence[float], trigger: Trigger
) -> Verdict:
    """Decide what follows an attempt.

    Args:
        outcome: how the attempt ended.
        attempts_made: attempts of the schedule so far, this one included.
        schedule: seconds to wait after the first failure, the second, and so on.
        trigger: manual attempts and tests have no retries.
    """
    if outcome.success:
        return Verdict("delivered")
    if trigger in ("manual", "test") or outcome.error in RETRYABLE_NEVER:
        return Verdict("failed")
    if attempts_made > len(schedule):
        return Verdict("failed")
    return Verdict("retry", schedule[attempts_made - 1])
