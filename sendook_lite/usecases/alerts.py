"""Alerts on their way to people: each way has its own state, so none is told twice for another."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from sendook_lite.domain.alerts import Channel
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.store import alerts
from sendook_lite.store.alerts import Notice
from sendook_lite.store.database import Store

RETRY_SECONDS: Final = (60, 300, 1800, 7200)
"""How long to wait after the first try, the second, and so on; then it is given up."""

BATCH: Final = 20
"""Alerts in memory at a time."""


class AlertOutbox:
    """Knows what is to be told, when, and when to give up; the rows survive a restart.

    Args:
        store: where they are.
        now: the time that due times are measured against, in ms.
        channels: the ways there are to tell.
    """

    def __init__(self, store: Store, now: Callable[[], int], channels: Collection[Channel]) -> None:
        self._store = store
        self._now = now
        self._channels = tuple(channels)

    async def resume(self) -> int:
        """Prepare for a start; returns how many can be told no more because their way is gone.

        Raises:
            StoreFailed: as everything here does.
        """
        latest = self._now() + RETRY_SECONDS[-1] * MS_PER_SECOND
        return await self._store.writer.write(alerts.resume, self._channels, latest)

    async def due(self, channel: Channel, most: int = BATCH) -> tuple[list[Notice], float | None]:
        """Return what is to be told now, and in how many seconds the next is; None: nothing is."""
        now = self._now()
        notices, next_at = await self._store.writer.write(alerts.take_due, channel, now, most)
        return notices, None if next_at is None else max(0, next_at - now) / MS_PER_SECOND

    async def note_told(self, notices: Sequence[Notice]) -> None:
        """Note that alerts were told, all of them or none."""
        await self._store.writer.write(alerts.note_told, notices)

    async def note_failed(self, notice: Notice, reason: str) -> bool:
        """Note that an alert could not be told; False when it is given up with that."""
        due_at = None
        if notice.tries < len(RETRY_SECONDS):
            due_at = self._now() + RETRY_SECONDS[notice.tries] * MS_PER_SECOND
        await self._store.writer.write(alerts.note_failed, notice, reason, due_at)
        return due_at is not None
