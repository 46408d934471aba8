"""Fills the windows of lanes: reads from the store what is due, when there is room for it."""

from collections.abc import Callable, Coroutine

import structlog

from sendook_lite.delivery.lane import Lane
from sendook_lite.delivery.lanes import Lanes
from sendook_lite.delivery.recorder import STORE_RETRY_SECONDS
from sendook_lite.domain.clock import MS_PER_SECOND, SteadyClock
from sendook_lite.store import deliveries
from sendook_lite.store.database import Store

log = structlog.get_logger(__name__)


class WindowFiller:
    """Knows when a lane has to be read for, and reads.

    Args:
        store: where deliveries wait.
        steady: what due times are measured against.
        lanes: all of them.
        start: starts a task.
        may_read: whether reading makes sense now.
        filled: called after a lane was read for.
    """

    def __init__(
        self,
        store: Store,
        steady: SteadyClock,
        lanes: Lanes,
        start: Callable[[Coroutine[None, None, None]], None],
        may_read: Callable[[], bool],
        filled: Callable[[], None],
    ) -> None:
        self._store = store
        self._steady = steady
        self._lanes = lanes
        self._start = start
        self._may_read = may_read
        self._filled = filled

    def look(self, lane: Lane, now: int) -> None:
        """Do for a lane what its time has come for."""
        if lane.closed:
            return
        self.fill(lane, now)
        self._lanes.look(lane, now)

    def fill(self, lane: Lane, now: int) -> None:
        """Have a lane's window filled when the store has something due and there is room."""
        if (
            lane.more_at is None
            or lane.more_at > now
            or not lane.hungry
            or lane.held_until > now
            or lane.closed
            or not self._may_read()
        ):
            return
        lane.loading = True
        lane.more_at = None
        self._start(self._load(lane))

    async def _load(self, lane: Lane) -> None:
        edition = lane.edition
        try:
            window = await self._store.snapshots.read(
                deliveries.take_due,
                lane.webhook_seq,
                self._steady.now(),
                lane.room,
                frozenset(lane.claims),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the lane must not stand still
            log.warning("due deliveries cannot be read, will try again", reason=str(error))
            lane.loading = False
            lane.more_at = None  # whatever was heard of meanwhile waits as well
            self._lanes.expect(lane, self._steady.now() + STORE_RETRY_SECONDS * MS_PER_SECOND)
            return
        lane.loading = False
        if lane.closed:
            return
        if lane.edition != edition:
            lane.expect(self._steady.now())  # what was read may be as it was before the change
        else:
            if window.next_due_at is not None:
                lane.expect(window.next_due_at)
            self._lanes.push(lane, window.deliveries)
        self.look(lane, self._steady.now())
        self._filled()
