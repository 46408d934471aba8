"""The only place that knows the time and sleeps.

Stamps are wall-clock milliseconds since the Unix epoch (``int``). Waits are measured on the
monotonic clock, so that a corrected wall clock neither delays nor hurries anything.
"""

import asyncio
import time
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil
from typing import Protocol

MS_PER_SECOND = 1000
END_OF_TIME = 253_402_300_800_000
"""The year 10000 in epoch milliseconds; ISO 8601 as we write it ends before."""


class Clock(Protocol):
    """What the rest of the program may know about time."""

    def now(self) -> int:
        """Return the wall clock in milliseconds since the epoch; for stamps."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps; for waits and durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for so many seconds of the monotonic clock."""
        ...

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        """Wait for a signal, at most so many seconds; True when the signal came."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Return the wall clock in milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep without blocking the event loop."""
        await asyncio.sleep(seconds)

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        """Wait for a signal, at most so many seconds (None: without end)."""
        if signal.is_set():
            return True
        try:
            async with asyncio.timeout(seconds):
                await signal.wait()
        except TimeoutError:
            return False
        return True


class SteadyClock:
    """Wall-clock milliseconds that advance with the monotonic clock; for due times.

    Anchored once, at construction. A step of the wall clock while the process runs therefore makes
    no retry early or late; the anchor of the next start is checked by the recovery of the store.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchor = clock.now() - clock.monotonic() * MS_PER_SECOND

    def now(self) -> int:
        """Return anchored milliseconds since the epoch."""
        return int(self._anchor + self._clock.monotonic() * MS_PER_SECOND)

    def after(self, seconds: float) -> int:
        """Return the first whole millisecond at which so many seconds will have passed."""
        return ceil(self._anchor + (self._clock.monotonic() + seconds) * MS_PER_SECOND)


@lru_cache(maxsize=64)
def iso(ms: int) -> str:
    """Render epoch milliseconds as ISO 8601 UTC, e.g. ``2026-03-01T09:10:00.000Z``.

    All that is committed together has the same stamp, so the last ones are remembered.
    """
    seconds, rest = divmod(ms, MS_PER_SECOND)
    return f"{_iso_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=64)
def _iso_second(seconds: int) -> str:
    """Render a second without its fraction; most stamps are of the second that it is."""
    stamp = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return stamp.isoformat()  # strftime writes the year 491 with three digits


def parse_iso(text: str) -> int:
    """Read an ISO 8601 time into epoch milliseconds; a time without a zone is UTC.

    Raises:
        ValueError: when the text is not a time.
    """
    stamp = datetime.fromisoformat(text)
    if stamp.tzinfo is None:
        stamp = stamp.replace(tzinfo=UTC)
    return round(stamp.timestamp() * MS_PER_SECOND)


def pause(seconds: float) -> None:
    """Sleep where there is no event loop: in what does one thing at a time."""
    time.sleep(seconds)
