"""Meters: numbers that the parts keep while they work, for whoever reads them now and then. Pure.

A plain ``Counter`` does for what is counted. This is for what is measured: a few comparisons for
each value, no lock and no label to look up, since nothing here may slow down what it watches.
"""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """How often values lay between bounds; one thread observes, any may read.

    Attributes:
        bounds: upper ends, each included, in ascending order; above the last there is no bound.
        counts: values up to each bound and above the one before it; one more than there are bounds.
        total: the sum of all values.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Take a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
