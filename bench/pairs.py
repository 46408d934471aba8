"""Measuring in turns: product, yardstick, product, yardstick, and the median of the ratios.

Machines are shared and noisy. What slows both sides of a pair alike drops out of their ratio, and
what hits one pair drops out of the median.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

SECONDS = 4.0
"""What one side of a pair lasts at least, where it is measured by time and not by count."""

Side = Callable[[], float]
Told = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a row came to.

    Attributes:
        product: a figure for each pair, in the row's unit.
        yardstick: the same of the other side.
        remarks: what else was seen, for people.
    """

    product: list[float]
    yardstick: list[float]
    remarks: list[str] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """The ratio of each pair."""
        return [ours / other for ours, other in zip(self.product, self.yardstick, strict=True)]

    @property
    def ratio(self) -> float:
        """What is judged."""
        return median(self.ratios)


def measure(product: Side, yardstick: Side, told: Told, pairs: int) -> Measured:
    """Measure both sides in turns; ``told`` hears the number of each pair and its ratio."""
    measured = Measured([], [])
    for number in range(1, pairs + 1):
        measured.product.append(product())
        measured.yardstick.append(yardstick())
        told(number, measured.ratios[-1])
    return measured


def percentile(figures: list[float], share: float) -> float:
    """Return the figure that so large a share of the others does not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
