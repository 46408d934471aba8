"""Knows which lane has to be looked at when, so that nobody has to look at all of them.

Pure. Every lane has at most one alarm that counts; what became later or was looked at already stays
in the heap until it comes up or the heap is made anew.
"""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count

from sendook_lite.delivery.lane import Lane

_SPARE = 64
"""How many dead entries are never worth making the heap anew."""


class Agenda:
    """Alarms of lanes, the earliest first.

    Args:
        moved_ahead: called whenever there is something to do earlier than before.
    """

    def __init__(self, moved_ahead: Callable[[], None]) -> None:
        self._moved_ahead = moved_ahead
        self._alarms: dict[Lane, float] = {}
        self._heap: list[tuple[float, int, Lane]] = []
        self._order = count()

    def note(self, lane: Lane, at: float) -> None:
        """Have a lane looked at; an earlier alarm that it has stays."""
        alarm = self._alarms.get(lane)
        if alarm is not None and alarm <= at:
            return
        self._alarms[lane] = at
        entry = (at, next(self._order), lane)
        heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._moved_ahead()
        if len(self._heap) > 2 * len(self._alarms) + _SPARE:
            self._heap = [(each_at, next(self._order), each) for each, each_at in self]
            heapify(self._heap)

    def forget(self, lane: Lane) -> None:
        """Drop a lane's alarm."""
        self._alarms.pop(lane, None)

    def due(self, now: float) -> list[Lane]:
        """Return the lanes whose alarm has come, which have none afterwards."""
        found = []
        while (at := self.next_at()) is not None and at <= now:
            lane = heappop(self._heap)[2]
            del self._alarms[lane]
            found.append(lane)
        return found

    def next_at(self) -> float | None:
        """Return when the next alarm is."""
        while self._heap:
            at, _, lane = self._heap[0]
            if self._alarms.get(lane) == at:
                return at
            heappop(self._heap)
        return None

    def __iter__(self) -> Iterator[tuple[Lane, float]]:
        return iter(self._alarms.items())

    def __len__(self) -> int:
        return len(self._heap)
