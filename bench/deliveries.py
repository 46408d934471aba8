"""Deliveries per second, end to end: pushed, committed, sent, answered, their outcome committed."""

import time
from statistics import median

from bench.event_feeder import EventFeeder, event_line
from bench.pairs import SECONDS
from bench.receiver import Receiver
from bench.server import Server

WARM_UP_LINES = 500
TRIAL_DELIVERIES = 8000
MARGIN = 1.15
"""How much longer than `SECONDS` a round is meant to last, so that hardly any is shorter."""


class Deliveries:
    """Events of one kind that go to some webhooks of one server, all at the same receiver.

    Args:
        besides: requests that stay under way because others hang.
    """

    def __init__(
        self,
        server: Server,
        receiver: Receiver,
        *,
        event: str = "message.delivered",
        webhooks: int = 1,
        besides: int = 0,
    ) -> None:
        self._server, self._receiver = server, receiver
        self._webhooks, self._besides = webhooks, besides
        for _ in range(webhooks):
            server.add_webhook(receiver.url, event)
        self._line = event_line(event)
        self._feeder = EventFeeder(server.events)
        self.push(WARM_UP_LINES)
        trial = TRIAL_DELIVERIES // webhooks
        self._lines = round(trial / self.push(trial) * SECONDS * MARGIN)
        self._cpu_each: list[float] = []
        self._receiver_share: list[float] = []

    def push(self, lines: int) -> float:
        """Push so many events; returns the seconds until everything is committed."""
        due = self._receiver.answered + lines * self._webhooks
        begun = time.monotonic()
        self._feeder.push(self._line, lines)
        self._receiver.wait_for(due)
        self._server.wait_until_settled(self._besides)
        return time.monotonic() - begun

    def rate(self) -> float:
        """Push as much as takes the time of one side of a pair; returns deliveries per second."""
        cpu, busy = self._server.cpu(), self._receiver.busy_seconds()
        seconds = self.push(self._lines)
        done = self._lines * self._webhooks
        self._cpu_each.append((self._server.cpu() - cpu) / done)
        self._receiver_share.append((self._receiver.busy_seconds() - busy) / seconds)
        return done / seconds

    def remarks(self, in_flight: int) -> list[str]:
        """Tell what it cost, and that the receiver was not in the way."""
        capacity = self._receiver.measure_capacity(in_flight)
        return [
            f"{median(self._cpu_each) * 1e6:.0f} us CPU a delivery",
            f"receiver busy {max(self._receiver_share):.0%} at most, can do {capacity:,.0f}/s",
        ]

    def close(self) -> None:
        """Let the event socket go."""
        self._feeder.close()
