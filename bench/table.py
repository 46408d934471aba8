"""The ten rows: what is measured, against what, and which ratio is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.pairs import Measured
from bench.rows import delay, listing, mail, memory, start, throughput
from bench.workshop import Workshop

PAIRS, MANY_PAIRS = 7, 15
"""Of a row, and of one whose two sides gain differently when the machine becomes faster."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        name: by which it is asked for.
        title: what is measured.
        yardstick: against what.
        unit: of the figures of both.
        reach: the ratio that is asked for.
        dream: the ratio that would be splendid.
        measure: does it.
        pairs: how often, product and yardstick in turns.
    """

    name: str
    title: str
    yardstick: str
    unit: str
    reach: float
    dream: float
    measure: Callable[[Workshop], Measured]
    pairs: int = PAIRS

    @property
    def more_is_better(self) -> bool:
        """Whether a larger ratio is the better one."""
        return self.dream > self.reach

    def meets(self, ratio: float, goal: float) -> bool:
        """Say whether a ratio is as good as a goal."""
        return ratio >= goal if self.more_is_better else ratio <= goal

    def verdict(self, ratio: float) -> str:
        """Put a ratio into a word."""
        if self.meets(ratio, self.dream):
            return "dream"
        return "reach" if self.meets(ratio, self.reach) else "below"


ROWS = (
    Row("B1", "events to one webhook", "a tuned client that only POSTs", "deliveries/s",
        1.0, 2.0, throughput.one_webhook, MANY_PAIRS),
    Row("B2", "events to ten webhooks each", "a tuned client that only POSTs", "deliveries/s",
        1.2, 2.5, throughput.ten_webhooks),
    Row("B3", "p99 from event to arrival at 200/s", "an fsync'd insert, then a POST", "ms",
        2.0, 1.2, delay.slowest_hundredth),
    Row("B4", "B1 beside 100 broken endpoints", "B1 alone", "deliveries/s",
        0.90, 0.98, throughput.beside_broken, MANY_PAIRS),
    Row("B5", "B1 with a million waiting and a million done", "B1 on an empty database",
        "deliveries/s", 0.90, 0.98, throughput.with_history),
    Row("B6", "memory with that backlog", "memory on an empty database", "MB",
        1.3, 1.1, memory.with_backlog),
    Row("B7", "memory when idle", "a process with the same libraries", "MB",
        1.5, 1.25, memory.idle),
    Row("B8", "mails of 5 kB by LMTP, stored and published", "aiosmtpd that only answers",
        "mails/s", 0.35, 0.50, mail.mails, MANY_PAIRS),
    Row("B9", "start to first overdue delivery with that backlog", "start on an empty database",
        "ms", 1.5, 1.1, start.until_first_delivery),
    Row("B10", "a page of an inbox with 100,000 messages", "a page of one with 100", "ms",
        1.2, 1.05, listing.pages),
)  # fmt: skip
