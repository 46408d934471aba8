"""B3: the slowest hundredth, from the line written to the event socket to arrival."""

import time
from contextlib import closing

from bench.event_feeder import BODY_BYTES, EventFeeder
from bench.pairs import Measured, percentile
from bench.processes import Yardstick
from bench.receiver import Receiver
from bench.workshop import Workshop

RATE = 200.0
SLOWEST = 0.99
SECONDS = 10.0
"""Of each side of a pair: the slowest hundredth of 4 s are eight events, whatever disk they met."""

EVENT = "message.delivered"
_POLL_SECONDS = 0.002


def slowest_hundredth(workshop: Workshop) -> Measured:
    """Measure B3."""
    with (
        workshop.receiver("ours") as ours,
        workshop.receiver("other") as other,
        workshop.server() as server,
        Yardstick(
            "insert_and_post", other.url, workshop.scratch / "plain.db", BODY_BYTES, RATE
        ) as plain,
        closing(EventFeeder(server.events)) as feeder,
    ):
        server.add_webhook(ours.url, EVENT)
        feeder.push_at(EVENT, RATE, 1.0)
        plain.go("1")
        halves: tuple[list[float], list[float]] = ([], [])

        def product() -> float:
            first = ours.delays_noted
            sent = feeder.push_at(EVENT, RATE, SECONDS)
            return _judge(ours, first, sent, halves[0])

        def yardstick() -> float:
            first = other.delays_noted
            sent = int(plain.go(str(SECONDS))["sent"])
            return _judge(other, first, sent, halves[1])

        measured = workshop.compare(product, yardstick)
        ours_usual, other_usual = (percentile(half, 0.5) for half in halves)
        measured.remarks.append(f"median {ours_usual:.2f} ms against {other_usual:.2f} ms")
        return measured


def _judge(receiver: Receiver, first: int, sent: int, all_delays: list[float]) -> float:
    """Wait until everything that was sent has arrived; returns the delay that 99 % keep to."""
    while receiver.delays_noted < first + sent:
        time.sleep(_POLL_SECONDS)
    delays = receiver.delays_since(first)
    all_delays += delays
    return percentile(delays, SLOWEST)
