"""Takes turns with live work: what can wait has the writer for a fifth of the time at most."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from sendook_lite.domain.clock import Clock
from sendook_lite.store.tx import Tx
from sendook_lite.store.writer import Writer

SHARE: Final = 0.2
MAX_PAUSE: Final = 1.0
"""Seconds; a single unit that waited long for the disk is not to stop everything that waits."""

P = ParamSpec("P")
T = TypeVar("T")


class Turns:
    """Shared by everything that works in the background, so that all of it together keeps to it."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._mine = asyncio.Lock()

    async def take(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit of work, then leave the writer to others for four times as long.

        The time is taken from outside, with the wait for others and for the disk in it: the busier
        the writer is, the further background work steps back.

        Raises:
            StoreFailed: as for ``Writer.write``.
        """
        async with self._mine:
            started = self._clock.monotonic()
            result = await self._writer.write(work, *args, **kwargs)
            taken = self._clock.monotonic() - started
            if taken > 0:
                await self._clock.sleep(min(taken * (1 / SHARE - 1), MAX_PAUSE))
            return result
