"""Decides which delivery goes next. Pure: no clock, no I/O; the scheduler asks and acts.

Lanes that have work take turns. A lane is *suspect* while it is cold, throttled, or holds a request
older than ``slow_after``. Trusted lanes and suspects alternate, and three rules share the slots:

- all requests together never take more than ``slots``;
- a suspect is given a slot only while suspects hold less than half of them, so that whatever new
  and broken endpoints do, the other half stays with those that answer;
- no lane is given a slot while it holds more than are left (a suspect: than are left to suspects).

The last rule is for endpoints that answered well and then hang all at once: nobody can know it for
``slow_after``, and what they hold cannot be taken back. With it, *n* such lanes end up with about
an (n+1)th part of the slots each, and about as much is left for the others: of 256, eight hanging
lanes leave 27. (It is the dynamic threshold by which switches share their buffers, Choudhury and
Hahne 1998.) When they turn suspect they may hold more than half by then; they are given nothing
more until they hold less. The price: a lane alone is given one more than half of the slots at most.

Times are milliseconds of the steady clock.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sendook_lite.delivery.agenda import Agenda
from sendook_lite.delivery.lane import LEAST_AHEAD, MOST_AHEAD, SHARED_AHEAD, Lane
from sendook_lite.domain.model import DueDelivery

_Queue = OrderedDict[Lane, None]


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many requests may be under way in all; ``slow_after`` in ms."""

    slots: int
    slow_after: float


def _nothing() -> None:
    pass


class Lanes:
    """All lanes and the turns they take.

    Args:
        limits: what they share.
        moved_ahead: called whenever a lane has to be looked at earlier than any had before.
    """

    def __init__(self, limits: LaneLimits, moved_ahead: Callable[[], None] = _nothing) -> None:
        self._slots = limits.slots
        self._suspect_slots = max(1, limits.slots // 2)
        self._slow_after = limits.slow_after
        self._lanes: dict[int, Lane] = {}
        self._claims: dict[int, set[int]] = {}
        self._agenda = Agenda(moved_ahead)
        self._trusted: _Queue = OrderedDict()
        self._suspects: _Queue = OrderedDict()
        self._suspects_turn = False
        self._ahead = MOST_AHEAD
        self.in_flight = 0
        self.suspect_in_flight = 0

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._lanes.values()))

    def get(self, webhook_seq: int) -> Lane | None:
        """Return the lane of a webhook, if it has one."""
        return self._lanes.get(webhook_seq)

    # --- lanes come and go

    def add(self, lane: Lane) -> None:
        """Add the lane of a webhook in place of the one it may have had.

        What an earlier lane still has in flight stays claimed, so that nothing is sent twice.
        """
        earlier = self._lanes.get(lane.webhook_seq)
        if earlier is not None:
            self.remove(earlier)
        lane.claims = self._claims.setdefault(lane.webhook_seq, set())
        lane.doubtful = set(lane.claims)
        self._lanes[lane.webhook_seq] = lane
        lane.ahead = self._ahead
        self._share_ahead()

    def invalidate(self, lane: Lane, now: float) -> None:
        """Send nothing until a lane is up to date: its webhook or its rows were changed."""
        lane.drop(now)
        lane.doubtful = set(lane.claims)
        lane.outdated = True
        lane.edition += 1
        self._refresh(lane)

    def remove(self, lane: Lane) -> None:
        """Take a lane away; what it has in flight still counts until it ends."""
        lane.closed = True
        lane.drop(0)
        self._refresh(lane)
        self._agenda.forget(lane)
        del self._lanes[lane.webhook_seq]
        self._share_ahead()
        self._let_go(lane.webhook_seq, lane.claims)

    def release(self, webhook_seq: int, seq: int, now: float) -> None:
        """Give up the claim on a delivery whose outcome was recorded."""
        claims = self._claims[webhook_seq]
        claims.discard(seq)
        lane = self._lanes.get(webhook_seq)
        if lane is None:
            self._let_go(webhook_seq, claims)
        elif seq in lane.doubtful:
            lane.doubtful.discard(seq)
            self.expect(lane, now)

    def _share_ahead(self) -> None:
        """Let lanes keep less at hand the more of them there are, so that memory stays bounded."""
        ahead = max(LEAST_AHEAD, min(MOST_AHEAD, SHARED_AHEAD // max(1, len(self._lanes))))
        if ahead != self._ahead:
            self._ahead = ahead
            for lane in self._lanes.values():
                lane.ahead = ahead

    def _let_go(self, webhook_seq: int, claims: set[int]) -> None:
        if not claims:
            self._claims.pop(webhook_seq, None)

    # --- what has to be looked at when

    def expect(self, lane: Lane, at: float) -> None:
        """Note that the store has something for a lane at a time."""
        if lane.more_at is None or at < lane.more_at:
            lane.more_at = at
            self._agenda.note(lane, at)

    def look(self, lane: Lane, now: float) -> None:
        """Bring a lane up to date with the time, and note when that is to be done again."""
        self._classify(lane, now)
        self._refresh(lane)
        at = lane.wake_at(now, self._slow_after)
        if at is not None:
            self._agenda.note(lane, at)

    def due(self, now: float) -> list[Lane]:
        """Return the lanes that have to be looked at now."""
        return self._agenda.due(now)

    def next_at(self) -> float | None:
        """Return when the next lane has to be looked at; None: not before something happens."""
        return self._agenda.next_at()

    # --- deliveries come and go

    def push(self, lane: Lane, deliveries: Iterable[DueDelivery]) -> None:
        """Put due deliveries at a lane's hand, all but those it has already."""
        for delivery in deliveries:
            if delivery.seq not in lane.claims:
                lane.push(delivery)
        self._refresh(lane)

    def take(self, now: float) -> tuple[Lane, DueDelivery] | None:
        """Return the next delivery to send, now counted as in flight, or None."""
        lane = self._next_lane(now)
        if lane is None:
            return None
        if not lane.in_flight and not lane.suspect:
            self._agenda.note(lane, now + self._slow_after)
        delivery = lane.start(now)
        self.in_flight += 1
        self.suspect_in_flight += lane.suspect
        self._refresh(lane)
        return lane, delivery

    def finish(self, lane: Lane, seq: int, now: float, *, success: bool) -> None:
        """Note the end of a request; its delivery stays claimed until it is recorded."""
        del lane.in_flight[seq]
        self.in_flight -= 1
        self.suspect_in_flight -= lane.suspect
        if lane.closed:
            return
        if success:
            lane.succeed()
            self._classify(lane, now)
            self._refresh(lane)
        else:
            lane.fail(seq, now)
            self.look(lane, now)

    def replace(self, lane: Lane, seq: int, now: float) -> DueDelivery | None:
        """Let the next delivery of a lane take the place of one that succeeded.

        What `finish` and `take` would come to, at a fraction of their cost, where nothing else is
        changed by it: the lane is at its best, nobody waits for a slot, and enough are left. None:
        it is not so, and nothing was done.
        """
        in_flight = lane.in_flight
        held = len(in_flight) - 1
        if (
            self._trusted
            or self._suspects
            or lane.suspect
            or not lane.ready
            or not 0 < held <= self._slots - self.in_flight + 1
            or not lane.at_best(now)
            or lane.slow(now, self._slow_after)
        ):
            return None
        del in_flight[seq]
        self._suspects_turn = True
        return lane.start(now)

    def pause(self, lane: Lane, until: float) -> None:
        """Send nothing to an endpoint until a time."""
        lane.pause(until)

    def halt(self, lane: Lane, now: float) -> None:
        """Send nothing more to an endpoint that wants nothing more."""
        lane.halt(now)
        self._refresh(lane)

    # --- turns

    def _refresh(self, lane: Lane) -> None:
        """Queue a lane for a turn exactly if it has work and may have one more request in flight.

        Whether it has to wait for its time, or for its share, is seen when its turn comes.
        """
        queue = self._suspects if lane.suspect else self._trusted
        if len(lane.in_flight) >= lane.allowed or not lane.ready or lane.closed:
            queue.pop(lane, None)
        elif lane not in queue:
            queue[lane] = None

    def _classify(self, lane: Lane, now: float) -> None:
        """Bring up to date whether a lane is suspect."""
        suspect = not lane.proven or lane.slow(now, self._slow_after)
        if suspect != lane.suspect:
            (self._suspects if lane.suspect else self._trusted).pop(lane, None)
            lane.suspect = suspect
            self.suspect_in_flight += len(lane.in_flight) if suspect else -len(lane.in_flight)
            if lane.in_flight and not suspect:
                self._agenda.note(lane, next(iter(lane.in_flight.values())) + self._slow_after)

    def _next_lane(self, now: float) -> Lane | None:
        """Choose a lane: trusted lanes and suspects alternate, within each kind they take turns."""
        left = self._slots - self.in_flight
        if left <= 0 or not (self._trusted or self._suspects):
            return None
        left_for_suspects = min(left, self._suspect_slots - self.suspect_in_flight)
        if self._suspects_turn:
            lane = self._turn(self._suspects, left_for_suspects, now) or self._turn(
                self._trusted, left, now
            )
        else:
            lane = self._turn(self._trusted, left, now) or self._turn(
                self._suspects, left_for_suspects, now
            )
        if lane is not None:
            self._suspects_turn = not lane.suspect
        return lane

    def _turn(self, queue: _Queue, left: int, now: float) -> Lane | None:
        """Return the first lane of a queue that may send now; it leaves the queue.

        Lanes that may not send yet leave it too, until their time has come; those that have used
        up their share stay.
        """
        if left <= 0:
            return None
        for _ in range(len(queue)):
            lane = next(iter(queue))
            if (at := lane.free_at) > now:
                del queue[lane]
                self._agenda.note(lane, at)
            elif len(lane.in_flight) > left:
                queue.move_to_end(lane)
            else:
                del queue[lane]
                return lane
        return None
