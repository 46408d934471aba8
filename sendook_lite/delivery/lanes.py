"""Decides which delivery goes next. Pure: no clock, no I/O; the scheduler asks and acts.

Every webhook has a lane with a bounded window of its due deliveries; the rest stays in the store.
Lanes that have work take turns. A lane is *suspect* while it is cold, throttled, or holds a request
older than ``slow_after``; suspect lanes together take at most half of the slots, so that whatever
endpoints do, the other half stays with those that answer.

Times are milliseconds of the steady clock.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.domain.model import DueDelivery

COLD_WINDOW = 2
"""Requests in flight to an endpoint that has not answered well yet; each success doubles them."""

THROTTLE_AFTER = 5
"""Consecutive failed attempts after which an endpoint is only probed."""

WINDOW_PER_CAP = 4
"""How many due deliveries a lane keeps in memory for each request it may have in flight."""

LaneState = Literal["cold", "proven", "throttled"]


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How much may be under way: in all, per lane; ``slow_after`` in ms."""

    slots: int
    per_lane: int
    slow_after: float


@dataclass(slots=True, eq=False)
class Lane:
    """What is known of one webhook's traffic. Lives in memory; the rows are in the store."""

    webhook_seq: int
    endpoint: Endpoint
    schedule: tuple[float, ...]
    cap: int
    consecutive_failures: int = 0
    rate_limit: float | None = None
    window: int = COLD_WINDOW
    proven: bool = False
    ready: deque[DueDelivery] = field(default_factory=deque)
    in_flight: dict[int, float] = field(default_factory=dict)
    unsettled: set[int] = field(default_factory=set)
    not_before: float = 0.0
    probe_gap: float = 0.0
    more_at: float | None = None
    loading: bool = False
    closed: bool = False
    queued: bool = False
    suspect: bool = True

    @property
    def state(self) -> LaneState:
        """Cold until the first success, throttled after too many failures in a row."""
        if self.consecutive_failures >= THROTTLE_AFTER:
            return "throttled"
        return "proven" if self.proven else "cold"

    @property
    def allowed(self) -> int:
        """How many requests may be in flight now."""
        return 1 if self.consecutive_failures >= THROTTLE_AFTER else min(self.window, self.cap)

    @property
    def room(self) -> int:
        """How many deliveries the window of this lane still takes from the store."""
        most = 1 if self.state == "throttled" else WINDOW_PER_CAP * self.cap
        return max(0, most - len(self.ready))

    def claimed(self) -> frozenset[int]:
        """Return what must not be read from the store again: waiting, under way or unsettled."""
        return frozenset((*(each.seq for each in self.ready), *self.in_flight, *self.unsettled))

    def holds(self, seq: int) -> bool:
        """Say whether a delivery is waiting, under way or unsettled here."""
        return (
            seq in self.in_flight
            or seq in self.unsettled
            or any(each.seq == seq for each in self.ready)
        )

    def expect(self, at: float) -> None:
        """Note that the store has something for this lane at a time."""
        self.more_at = at if self.more_at is None else min(self.more_at, at)

    def behind(self, now: float) -> bool:
        """Say whether the store holds something for this lane that is due before what is new."""
        return self.loading or (self.more_at is not None and self.more_at <= now)

    def wake_at(self, now: float, slow_after: float) -> float | None:
        """Return when this lane has something to do that nothing else will bring about."""
        moments = []
        if self.ready and self.not_before > now:
            moments.append(self.not_before)
        if self.more_at is not None and not self.loading and self.room:
            moments.append(max(self.more_at, self.not_before))
        if self.in_flight and not self.suspect:
            moments.append(next(iter(self.in_flight.values())) + slow_after)
        return min(moments, default=None)


class Lanes:
    """All lanes and the turns they take."""

    def __init__(self, limits: LaneLimits) -> None:
        self._limits = limits
        self._lanes: dict[int, Lane] = {}
        self._trusted: deque[Lane] = deque()
        self._suspects: deque[Lane] = deque()
        self._suspects_turn = False
        self.in_flight = 0
        self.suspect_in_flight = 0

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._lanes.values()))

    def get(self, webhook_seq: int) -> Lane | None:
        """Return the lane of a webhook, if it has one."""
        return self._lanes.get(webhook_seq)

    def add(self, lane: Lane) -> None:
        """Add a lane."""
        self._lanes[lane.webhook_seq] = lane
        self.refresh(lane)

    def remove(self, lane: Lane) -> None:
        """Take a lane away; what it has in flight still counts until it ends."""
        lane.closed = True
        lane.ready.clear()
        self._lanes.pop(lane.webhook_seq, None)

    def push(self, lane: Lane, deliveries: Iterable[DueDelivery]) -> None:
        """Put due deliveries into a lane's window."""
        lane.ready.extend(deliveries)
        self.refresh(lane)

    def refresh(self, lane: Lane) -> None:
        """Queue a lane for a turn if it has work and room for a request."""
        if (
            not lane.queued
            and not lane.closed
            and lane.ready
            and len(lane.in_flight) < lane.allowed
        ):
            lane.queued = True
            (self._suspects if lane.suspect else self._trusted).append(lane)

    def take(self, now: float) -> tuple[Lane, DueDelivery] | None:
        """Return the next delivery to send, now counted as in flight, or None."""
        lane = self._next_lane(now)
        if lane is None:
            return None
        delivery = lane.ready.popleft()
        lane.in_flight[delivery.seq] = now
        self.in_flight += 1
        self.suspect_in_flight += lane.suspect
        if lane.rate_limit:
            lane.not_before = max(lane.not_before, now) + 1000 / lane.rate_limit
        self.refresh(lane)
        return lane, delivery

    def _next_lane(self, now: float) -> Lane | None:
        """Choose a lane: trusted and suspect lanes alternate, within each kind they take turns."""
        half = self._limits.slots // 2
        counted = min(self.suspect_in_flight, half)
        trusted_may = self.in_flight - self.suspect_in_flight < self._limits.slots - counted
        suspects_may = self.suspect_in_flight < max(half, 1) and (
            self.in_flight < self._limits.slots
        )
        first, second = (self._trusted, trusted_may), (self._suspects, suspects_may)
        if self._suspects_turn:
            first, second = second, first
        for queue, may in (first, second):
            lane = self._turn(queue, now) if may else None
            if lane is not None:
                self._suspects_turn = not lane.suspect
                return lane
        return None

    def _turn(self, queue: deque[Lane], now: float) -> Lane | None:
        """Return the first lane of a queue that may send now; drop those that may not."""
        for _ in range(len(queue)):
            lane = queue.popleft()
            lane.queued = False
            if lane.closed or not lane.ready or len(lane.in_flight) >= lane.allowed:
                continue
            if lane.suspect != (queue is self._suspects):
                self.refresh(lane)
                continue
            if lane.not_before > now:
                continue
            return lane
        return None

    def finish(self, lane: Lane, seq: int, now: float, *, success: bool) -> None:
        """Note the end of a request; its delivery stays claimed until it is settled."""
        lane.in_flight.pop(seq)
        lane.unsettled.add(seq)
        self.in_flight -= 1
        self.suspect_in_flight -= lane.suspect
        if success:
            self._open(lane)
        else:
            self._fail(lane, now)
        self.classify(lane, now)
        self.refresh(lane)

    def _open(self, lane: Lane) -> None:
        """A success doubles the window, and opens a throttled lane fully."""
        if lane.state == "throttled":
            lane.window = lane.cap
            lane.not_before = 0.0
        else:
            lane.window = min(lane.cap, lane.window * 2)
        lane.proven = True
        lane.consecutive_failures = 0
        lane.probe_gap = 0.0

    def _fail(self, lane: Lane, now: float) -> None:
        """Failures in a row throttle a lane; probes come in growing distances."""
        lane.consecutive_failures += 1
        if lane.consecutive_failures < THROTTLE_AFTER or not lane.schedule:
            return
        longest = max(lane.schedule) * 1000
        lane.probe_gap = min(longest, lane.probe_gap * 2 or lane.schedule[0] * 1000)
        lane.not_before = max(lane.not_before, now + lane.probe_gap)
        while len(lane.ready) > 1:
            # The window of a throttled lane is its next probe; the store keeps the others.
            lane.ready.pop()
            lane.expect(now)

    def classify(self, lane: Lane, now: float) -> None:
        """Bring up to date whether a lane is suspect."""
        oldest = next(iter(lane.in_flight.values()), now)
        suspect = lane.state != "proven" or now - oldest >= self._limits.slow_after
        if suspect != lane.suspect:
            lane.suspect = suspect
            self.suspect_in_flight += len(lane.in_flight) if suspect else -len(lane.in_flight)

    def classify_all(self, now: float) -> None:
        """Bring all lanes up to date; called now and then while requests are under way."""
        for lane in self._lanes.values():
            if lane.in_flight:
                self.classify(lane, now)

    def resume(self, now: float) -> None:
        """Queue the lanes whose pause is over."""
        for lane in self._lanes.values():
            if lane.ready and lane.not_before <= now:
                self.refresh(lane)
