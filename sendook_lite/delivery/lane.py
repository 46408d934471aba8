"""One webhook's lane: how much may be under way, from when on, and what of its backlog is at hand.

Pure: no clock, no I/O. Times are milliseconds of the steady clock.

A throttled lane is probed in distances that start with the schedule's first delay and double up to
its longest. A schedule without any delay says nothing of the kind, so ``DEFAULT_PROBE_GAP`` takes
its place: an endpoint that is down must not be asked as fast as it refuses.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.model import DueDelivery

COLD_WINDOW = 2
"""Requests in flight to an endpoint that has not answered well yet; each success doubles them."""

THROTTLE_AFTER = 5
"""Consecutive failed attempts after which an endpoint is only probed."""

LEAST_AHEAD, MOST_AHEAD = 4, 16
"""How many due deliveries a lane keeps at hand for each request it may have in flight."""

SHARED_AHEAD = 1024
"""How many times that lanes have together, as long as each has the least."""

LEAST_AHEAD_BYTES, MOST_AHEAD_BYTES = 8 * 1024 * 1024, 1024 * 1024
"""About how much the bodies of the least may weigh, and those of more than that."""

DEFAULT_PROBE_GAP = 5.0
"""Seconds between probes when the schedule has no delay to take for it."""

PACE_SLACK = 10.0
"""Lateness of a timer, in ms, that a rate limit makes up for instead of becoming slower by it."""

LaneState = Literal["cold", "proven", "throttled"]


class AtHand:
    """Due deliveries at hand: live ones and replayed ones take turns, each in its order."""

    __slots__ = ("_live", "_replayed", "_replayed_turn")

    def __init__(self) -> None:
        self._live: deque[DueDelivery] = deque()
        self._replayed: deque[DueDelivery] = deque()
        self._replayed_turn = False

    def __len__(self) -> int:
        return len(self._live) + len(self._replayed)

    def __iter__(self) -> Iterator[DueDelivery]:
        return chain(self._live, self._replayed)

    def append(self, delivery: DueDelivery) -> None:
        """Put a delivery behind those of its kind."""
        (self._replayed if delivery.trigger == "replay" else self._live).append(delivery)

    def popleft(self) -> DueDelivery:
        """Take the delivery whose turn it is."""
        replayed = self._replayed_turn if self._live else True
        self._replayed_turn = not replayed
        return (self._replayed if replayed and self._replayed else self._live).popleft()

    def pop(self) -> DueDelivery:
        """Take the one that would go last: a replayed one as long as there are any."""
        return (self._replayed or self._live).pop()


@dataclass(slots=True, eq=False)
class Lane:
    """What is known of one webhook's traffic. Lives in memory; the rows are in the store.

    Attributes:
        webhook_seq: whose lane it is.
        url: where it leads, as it was given.
        endpoint: the same, ready to be sent to.
        cap: requests in flight at most.
        schedule: seconds to wait after the first failure, the second, and so on.
        rate_limit: requests per second at most, or None.
        consecutive_failures: failed attempts since the last success.
        claims: deliveries that must not be read from the store again: at hand, in flight, or not
            recorded yet. Shared by all lanes that one webhook has had.
        doubtful: claims whose rows may have been changed by somebody else meanwhile, so that the
            store has to be asked again once they are recorded.
        ready: deliveries at hand, the oldest due of each kind first.
        in_flight: when each request was started, the oldest first.
        more_at: when the store has something due for this lane; None when nothing is known of.
        suspect: whether it counts towards the half of the slots that suspects share.
        halted: the endpoint is gone; nothing is sent any more.
        outdated: the webhook was changed; nothing is sent before the change is known here.
        edition: how often that was so; what was read of an earlier one is not to be used.
        closed: it was taken away; requests in flight only have to be counted down.
        slow_answers: how many answers took longer than ``slow_after``.
        ahead: how many deliveries it may have at hand for each request it may have in flight.
    """

    webhook_seq: int
    url: str
    endpoint: Endpoint
    cap: int
    schedule: tuple[float, ...] = ()
    rate_limit: float | None = None
    consecutive_failures: int = 0
    claims: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)
    ready: AtHand = field(default_factory=AtHand)
    in_flight: dict[int, float] = field(default_factory=dict)
    more_at: float | None = None
    loading: bool = False
    suspect: bool = True
    halted: bool = False
    outdated: bool = False
    edition: int = 0
    closed: bool = False
    slow_answers: int = 0
    ahead: int = MOST_AHEAD
    _proven: bool = False
    _window: int = field(init=False)
    _probe: int | None = None
    _probe_gap: float = 0.0
    _probe_at: float = 0.0
    _paused_until: float = 0.0
    _paced_until: float = 0.0
    _usual_bytes: float = 1.0

    def __post_init__(self) -> None:
        self._window = min(COLD_WINDOW, self.cap)

    # --- how much, and when

    @property
    def throttled(self) -> bool:
        """Whether the endpoint is only probed."""
        return self.consecutive_failures >= THROTTLE_AFTER

    @property
    def state(self) -> LaneState:
        """Cold until the first success, throttled after too many failures in a row."""
        if self.throttled:
            return "throttled"
        return "proven" if self._proven else "cold"

    @property
    def proven(self) -> bool:
        """Whether the endpoint answers well, as far as is known."""
        return self._proven and self.consecutive_failures < THROTTLE_AFTER

    def at_best(self, now: float) -> bool:
        """Say whether it may have as many requests in flight as ever, as fast as they end."""
        return (
            self._window >= self.cap
            and not self.consecutive_failures
            and self.free_at <= now
            and not self.rate_limit
        )

    @property
    def allowed(self) -> int:
        """How many requests may be in flight now."""
        if self.halted or self.outdated:
            return 0
        return 1 if self.consecutive_failures >= THROTTLE_AFTER else self._window

    @property
    def held_until(self) -> float:
        """Until when nothing may be sent because the endpoint is paused or waits for a probe."""
        return max(self._paused_until, self._probe_at)

    @property
    def free_at(self) -> float:
        """From when on the next delivery may be sent, the rate limit included."""
        return max(self._paused_until, self._probe_at, self._paced_until)

    # --- what is at hand

    @property
    def capacity(self) -> int:
        """How many deliveries this lane keeps at hand; fewer when they are heavy."""
        allowed = self.allowed
        if self.throttled or not allowed:
            return allowed
        least = min(LEAST_AHEAD * allowed, int(LEAST_AHEAD_BYTES / self._usual_bytes))
        more = min(self.ahead * allowed, int(MOST_AHEAD_BYTES / self._usual_bytes))
        return max(1, least, more)

    @property
    def room(self) -> int:
        """How many more deliveries may be put at hand."""
        return max(0, self.capacity - len(self.ready))

    @property
    def hungry(self) -> bool:
        """Whether it is time to read on: half is used up, so that reading overlaps sending."""
        if self.loading or self.halted or self.outdated:
            return False
        return len(self.ready) <= self.capacity // 2

    def behind(self, now: float) -> bool:
        """Say whether the store holds something for this lane that is due before what is new."""
        return self.loading or (self.more_at is not None and self.more_at <= now)

    def expect(self, at: float) -> None:
        """Note that the store has something for this lane at a time."""
        self.more_at = at if self.more_at is None else min(self.more_at, at)

    def push(self, delivery: DueDelivery) -> None:
        """Put a due delivery at hand."""
        self.claims.add(delivery.seq)
        self.ready.append(delivery)
        self._usual_bytes += (len(delivery.body) - self._usual_bytes) / 8

    def drop(self, now: float, keep: int = 0) -> None:
        """Leave what is at hand to the store, from where it will be read again."""
        while len(self.ready) > keep:
            self.claims.discard(self.ready.pop().seq)
            self.expect(now)

    # --- what happens

    def start(self, now: float) -> DueDelivery:
        """Take the next delivery, which is now in flight."""
        delivery = self.ready.popleft()
        self.in_flight[delivery.seq] = now
        if self.throttled:
            self._probe = delivery.seq
        if self.rate_limit:
            on_time = now - self._paced_until <= PACE_SLACK
            self._paced_until = (self._paced_until if on_time else now) + (
                MS_PER_SECOND / self.rate_limit
            )
        return delivery

    def succeed(self) -> None:
        """A success doubles the window, and opens a throttled lane fully."""
        self._window = self.cap if self.throttled else min(self.cap, self._window * 2)
        self._proven = True
        self.consecutive_failures = 0
        self._probe_gap = self._probe_at = 0.0

    def fail(self, seq: int, now: float) -> None:
        """Failures in a row throttle a lane; failed probes come in growing distances.

        What was under way when the lane was throttled is no probe: a burst of requests that fail
        together is one piece of news.
        """
        self.consecutive_failures += 1
        if not self.throttled or (self._probe_gap and seq != self._probe):
            return
        delays = [delay for delay in self.schedule if delay] or [DEFAULT_PROBE_GAP]
        self._probe_gap = min(max(delays), self._probe_gap * 2 or delays[0])
        self._probe_at = now + self._probe_gap * MS_PER_SECOND
        self.drop(now, keep=1)

    def pause(self, until: float) -> None:
        """Send nothing until a time; a shorter pause does not end a longer one."""
        self._paused_until = max(self._paused_until, until)

    def halt(self, now: float) -> None:
        """Send nothing any more."""
        self.halted = True
        self.drop(now)

    def slow(self, now: float, slow_after: float) -> bool:
        """Say whether the oldest request in flight is older than it should be."""
        return bool(self.in_flight) and now - next(iter(self.in_flight.values())) >= slow_after

    def wake_at(self, now: float, slow_after: float) -> float | None:
        """Return when this lane has something to do that nothing else will bring about."""
        moments = []
        if self.ready and self.free_at > now:
            moments.append(self.free_at)
        if self.more_at is not None:
            at = max(self.more_at, self.held_until)
            if at > now or self.hungry:
                moments.append(at)
        if self.in_flight and not self.suspect:
            moments.append(next(iter(self.in_flight.values())) + slow_after)
        return min(moments, default=None)
