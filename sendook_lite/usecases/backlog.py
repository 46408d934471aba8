"""Watches the backlog for whoever asks often: a large one is not counted anew every time."""

import asyncio
from typing import Final

from sendook_lite.domain.clock import Clock
from sendook_lite.store import backlog
from sendook_lite.store.backlog import Backlog
from sendook_lite.store.reader import Reader

SHARE: Final = 0.02
"""How much of a reader's time counting may take."""


class BacklogWatch:
    """Knows the backlog as of a moment ago: at most fifty times as long as counting it took."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._counting = asyncio.Lock()
        self._known = Backlog(0, None)
        self._good_until = 0.0

    async def read(self) -> Backlog:
        """Return the backlog.

        Raises:
            StoreFailed: it cannot be read.
        """
        async with self._counting:
            began = self._clock.monotonic()
            if began >= self._good_until:
                self._known = await backlog.measure(self._reader)
                ended = self._clock.monotonic()
                self._good_until = ended + (ended - began) / SHARE
        return self._known
