"""Tells people of alerts, each in every way that is configured, for as long as the process runs."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from sendook_lite.domain.alerts import Alert, Channel
from sendook_lite.domain.clock import Clock, SteadyClock
from sendook_lite.domain.errors import StoreFailed, Unavailable
from sendook_lite.store import standings
from sendook_lite.store.alerts import Notice
from sendook_lite.store.database import Store
from sendook_lite.store.standings import Counts
from sendook_lite.usecases.alerts import BATCH, AlertOutbox

STORE_RETRY_SECONDS: Final = 1.0
COUNT_SECONDS: Final = 60.0
"""How old the counts of webhooks may become that nothing was told of."""

Tell = Callable[[Alert], Awaitable[None]]
"""Tells an alert in one way; raises ``Unavailable`` when that cannot be done now."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A way that tells several alerts at once, and then waits for more to come together.

    An outage that a thousand webhooks share is then a mail at once and another a minute later, not
    a thousand.

    Attributes:
        tell: tells them; raises ``Unavailable`` when none of them can be told now.
        most: how many at once.
        pause: seconds from one time to the next.
    """

    tell: Callable[[Sequence[Alert]], Awaitable[None]]
    most: int = 200
    pause: float = 60.0


def _one_by_one(tell: Tell) -> Digest:
    async def tell_one(alerts: Sequence[Alert]) -> None:
        (alert,) = alerts
        await tell(alert)

    return Digest(tell_one, most=1, pause=0)


log = structlog.get_logger(__name__)
T = TypeVar("T")


class Alerting:
    """Owns a task for each way of telling, so that one that hangs delays no other.

    Attributes:
        told: alerts told since the start, by channel.
        given_up: alerts that never could be told, by channel.
    """

    def __init__(self, store: Store, ways: Mapping[Channel, Tell | Digest], clock: Clock) -> None:
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
        wake, way = self._wakes[channel], self._ways[channel]
        digest = way if isinstance(way, Digest) else _one_by_one(way)
        most = max(BATCH, digest.most)
        while True:
            wake.clear()
            notices, seconds = await self._insist(lambda: self._outbox.due(channel, most))
            for first in range(0, len(notices), digest.most):
                await self._tell(channel, notices[first : first + digest.most], digest)
            if not notices:
                await self._clock.wait(wake, seconds)
            elif digest.pause:
                await self._clock.sleep(digest.pause)

    async def _tell(self, channel: Channel, notices: Sequence[Notice], digest: Digest) -> None:
        """Tell alerts and note what came of it, however long the store takes for that.

        A process that dies in between tells them again; their ids say that they are the same ones.
        """
        try:
            await digest.tell([notice.alert for notice in notices])
        except Unavailable as error:
            reason = error.message
        except Exception:
            # A bug of ours must not end the process, nor the other alerts.
            log.exception("an alert broke", alert=notices[0].alert["id"], channel=channel)
            reason = "internal error, see the log"
        else:
            await self._insist(lambda: self._outbox.note_told(notices))
            self.told[channel] += len(notices)
            return
        for notice in notices:
            await self._note_failed(notice, reason)

    async def _note_failed(self, notice: Notice, reason: str) -> None:
        channel = notice.channel
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
