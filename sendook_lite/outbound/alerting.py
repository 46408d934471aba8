"""Tells people of alerts, each in every way that is configured, for as long as the process runs."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import structlog

from sendook_lite.domain.alerts import Alert, Channel
from sendook_lite.domain.clock import Clock, SteadyClock
from sendook_lite.domain.errors import StoreFailed, Unavailable
from sendook_lite.store import standings
from sendook_lite.store.alerts import Notice
from sendook_lite.store.database import Store
from sendook_lite.store.standings import Counts
from sendook_lite.usecases.alerts import AlertOutbox

STORE_RETRY_SECONDS: Final = 1.0
COUNT_SECONDS: Final = 60.0
"""How old the counts of webhooks may become that nothing was told of."""

Tell = Callable[[Alert], Awaitable[None]]
"""Tells an alert in one way; raises ``Unavailable`` when that cannot be done now."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Alerting:
    """Owns a task for each way of telling, so that one that hangs delays no other.

    Attributes:
        told: alerts told since the start, by channel.
        given_up: alerts that never could be told, by channel.
    """

    def __init__(self, store: Store, ways: Mapping[Channel, Tell], clock: Clock) -> None:
        self._store = store
        self._ways = ways
        self._outbox = AlertOutbox(store, SteadyClock(clock).now, self.channels)
        self._clock = clock
        self._wakes = {channel: asyncio.Event() for channel in ways}
        self._recount = asyncio.Event()
        self._counts = Counts(0, 0)
        self.told: Counter[Channel] = Counter()
        self.given_up: Counter[Channel] = Counter()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The ways there are to tell."""
        return tuple(self._ways)

    def alerts_written(self) -> None:
        """Take note that there are alerts to be told (usecases.ports.AlertFeed)."""
        for wake in (*self._wakes.values(), self._recount):
            wake.set()

    def facts(self) -> dict[str, int]:
        """Return what is going on, for the status page."""
        return {
            "told": self.told.total(),
            "givenUp": self.given_up.total(),
            "failingWebhooks": self._counts.failing,
            "disabledWebhooks": self._counts.disabled,
        }

    async def run(self) -> None:
        """Tell what is to be told until cancelled."""
        lost = await self._insist(self._outbox.resume)
        if lost:
            log.warning("alerts were given up, for their channel is configured no more", count=lost)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_counting())
            for channel in self._ways:
                group.create_task(self._serve(channel))

    async def _serve(self, channel: Channel) -> None:
        wake = self._wakes[channel]
        while True:
            wake.clear()
            notices, seconds = await self._insist(lambda: self._outbox.due(channel))
            for notice in notices:
                await self._tell(notice)
            if not notices:
                await self._clock.wait(wake, seconds)

    async def _tell(self, notice: Notice) -> None:
        """Tell one alert and note what came of it, however long the store takes for that.

        A process that dies in between tells it again; its id says that it is the same one.
        """
        channel = notice.channel
        try:
            await self._ways[channel](notice.alert)
        except Unavailable as error:
            reason = error.message
        except Exception:
            # A bug of ours must not end the process, nor the other alerts.
            log.exception("an alert broke", alert=notice.alert["id"], channel=channel)
            reason = "internal error, see the log"
        else:
            self.told[channel] += 1
            await self._insist(lambda: self._outbox.note_told(notice))
            return
        again = await self._insist(lambda: self._outbox.note_failed(notice, reason))
        fields = {"alert": notice.alert["id"], "channel": channel, "reason": reason}
        if again:
            log.warning("an alert cannot be told, will try again", **fields)
        else:
            self.given_up[channel] += 1
            log.error("an alert could not be told and is given up", **fields)

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something with the store until it works."""
        while True:
            try:
                return await work()
            except StoreFailed:
                await self._clock.sleep(STORE_RETRY_SECONDS)

    async def _keep_counting(self) -> None:
        while True:
            self._recount.clear()
            self._counts = await self._insist(lambda: standings.count(self._store.reader))
            await self._clock.wait(self._recount, COUNT_SECONDS)
