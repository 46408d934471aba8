"""What is counted and measured of deliveries since the start, for the metrics."""

from collections import Counter
from typing import Final

from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.meters import Histogram
from sendook_lite.domain.outcome import Outcome

DURATION_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)
"""Seconds; 5 is where an answer is slow and 15 where the deadline lies by default."""

SUCCESS: Final = "success"


class DeliveryMeters:
    """Attempts by result (``success``, or the code of the error), and how deliveries ended."""

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()
        self.durations = Histogram(DURATION_BOUNDS)
        self.ended: Counter[str] = Counter()

    def attempted(self, outcome: Outcome) -> None:
        """Count an attempt, tests aside."""
        self.attempts[outcome.error or SUCCESS] += 1
        self.durations.observe(outcome.duration_ms / MS_PER_SECOND)
