"""Retention: what is older than the settings say is removed, little by little and for ever."""

from dataclasses import dataclass
from typing import Final

from sendook_lite.domain.clock import MS_PER_SECOND, Clock
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.store import alerts, purge, removal, replays, sent_hours
from sendook_lite.store.idempotent_requests import KEPT_FOR_MS
from sendook_lite.usecases.turns import Turns

SWEEP_SECONDS: Final = 60.0
SENT_KEPT_FOR_MS: Final = 62 * 24 * 3_600_000
"""How long it is kept how much was sent: this month and the one before."""

BATCH_ROWS: Final = 50
BATCH_BYTES: Final = 1024 * 1024
"""Rows, or bytes of long ones, in a unit of work: a few milliseconds of the writer."""


@dataclass(frozen=True, slots=True)
class Ages:
    """How old things may become, in seconds; 0 is for ever."""

    events: int
    messages: int


class Retention:
    """Sweeps from the oldest row up, again and again."""

    def __init__(self, turns: Turns, clock: Clock, ages: Ages) -> None:
        self._turns = turns
        self._clock = clock
        self._ages = ages

    async def run(self) -> None:
        """Sweep for as long as the process lives."""
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            try:
                await self.sweep()
            except StoreFailed:
                continue  # told by the upkeep, which writes every second

    async def sweep(self) -> None:
        """Remove everything that is too old now; a look at each index when nothing is.

        Raises:
            StoreFailed: the rest is found by the next sweep.
        """
        now = self._clock.now()
        if self._ages.events:
            await self._sweep_events(now - self._ages.events * MS_PER_SECOND)
        if self._ages.messages:
            before = now - self._ages.messages * MS_PER_SECOND
            while await self._turns.take(removal.remove_old, before, BATCH_ROWS, BATCH_BYTES):
                pass
        while await self._turns.take(sent_hours.remove, now - SENT_KEPT_FOR_MS, BATCH_ROWS):
            pass
        before = now - KEPT_FOR_MS
        while await self._turns.take(
            purge.remove_idempotent_requests, before, BATCH_ROWS, BATCH_BYTES
        ):
            pass

        while await self._turns.take(alerts.remove_old, BATCH_ROWS):
            pass

    async def _sweep_events(self, before: int) -> None:
        """Remove events, and what is only of use as long as there are events of its time."""
        place: purge.Place | None = purge.OLDEST
        while place is not None:
            place = await self._turns.take(
                purge.remove_events, before, place, BATCH_ROWS, BATCH_BYTES
            )
        for remove in (
            purge.remove_event_keys,
            purge.remove_webhook_hours,
            purge.remove_event_hours,
        ):
            while await self._turns.take(remove, before, BATCH_ROWS):
                pass
        walked: int | None = 0
        while walked is not None:
            walked = await self._turns.take(replays.remove_ended, before, walked, BATCH_ROWS)
