"""A scheduler over a real store, with a far end of the network that does what it is told."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.delivery.scheduler import Scheduler
from sendook_lite.delivery.sender import Ended, Sender
from sendook_lite.domain.alerts import CHANNELS
from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.endpoint_url import parse
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import DueDelivery, Secret, Webhook
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.signing import signing_key
from sendook_lite.settings import DeliverySettings
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Row, Tx
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.publish import Published, Publisher
from sendook_lite.usecases.replay import Replays
from sendook_lite.usecases.settling import Settling
from sendook_lite.usecases.turns import Turns
from sendook_lite.usecases.upkeep import Upkeep
from tests.fakes import FakeClock, RecordingAlerts

OK = Outcome(200, None, None, b"ok", 1.0)
HANG = "hang"
Answer = Outcome | str


def answered(status: int, retry_after: str | None = None, took: float = 1.0) -> Outcome:
    return Outcome(status, "http_status", f"answered {status}", b"", took, retry_after)


DOWN = answered(500)


@dataclass
class Sent:
    """One request as it went out, and the answer it waits for."""

    at: float
    path: str
    event: str
    delivery: str
    attempt: int
    keys: Sequence[Any]
    answer: asyncio.Future[Outcome]


class FarEnd(Sender):
    """All endpoints there are; each answers by its path, 200 unless told otherwise."""

    def __init__(self, clock: FakeClock) -> None:
        self._now = clock
        self.answers: dict[str, Callable[[DueDelivery], Answer] | Answer] = {}
        self.sent: list[Sent] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.flying: dict[str, asyncio.Future[Outcome]] = {}
        self.closed = False

    def begin(
        self,
        endpoint: Endpoint,
        delivery: DueDelivery,
        now: int,  # noqa: ARG002 - nothing is signed
        ended: Ended,
    ) -> None:
        flight = delivery.id
        assert flight not in self.flying, "sent twice at once"
        path = endpoint.url.target
        answer = self.answers.get(path, OK)
        if callable(answer):
            answer = answer(delivery)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.sent.append(
            Sent(
                self._now.elapsed,
                path,
                delivery.event_id,
                delivery.id,
                delivery.attempt_count + 1,
                endpoint.keys,
                future,
            )
        )
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.flying[flight] = future

        def land(answered: asyncio.Future[Outcome]) -> None:
            self.in_flight -= 1
            del self.flying[flight]
            if not answered.cancelled():
                ended(answered.result())

        future.add_done_callback(land)
        if isinstance(answer, Outcome):
            future.set_result(answer)
        else:
            assert answer is HANG

    async def close(self) -> None:
        self.closed = True

    def times(self) -> list[float]:
        return [round(each.at, 3) for each in self.sent]

    def paths(self) -> list[str]:
        return [each.path for each in self.sent]

    def release(self, outcome: Outcome = OK) -> None:
        """Answer everything that hangs; to be followed by a rest before time passes."""
        for each in self.sent:
            if not each.answer.done():
                each.answer.set_result(outcome)


class House:
    """Store, clock, far end, and the scheduler between them; it can be restarted."""

    def __init__(self, store: Store, clock: FakeClock, **settings: Any) -> None:
        self.store = store
        self.clock = clock
        self.settings = DeliverySettings(**settings)
        self.far = FarEnd(clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._build()

    def _build(self) -> None:
        self.scheduler = Scheduler(
            self.store,
            self.far,
            self.clock,
            self.settings,
            self.make_endpoint,
            Settling(DisableRule(failures=10, after_ms=24 * 3_600_000), CHANNELS),
            RecordingAlerts(),
        )
        self.publisher = Publisher(self.scheduler, 1 << 20)
        self.endpoints = Endpoints(
            self.store,
            self.scheduler,
            self.scheduler.probe,
            Guard(),
            self.clock,
            Ids(self.clock),
            allow_http=False,
        )

    def make_endpoint(self, webhook: Webhook, secrets: Sequence[Secret]) -> Endpoint:
        if webhook.url.endswith("/unusable"):
            raise ValueError("this row cannot be used")
        keys = tuple(signing_key(secret) for secret in secrets)
        return Endpoint(webhook.id, parse(webhook.url), keys, (), 15.0)

    async def start(self) -> None:
        await self.scheduler.recover()
        self._tasks = [
            asyncio.ensure_future(work) for work in (self.scheduler.run(), self.scheduler.settle())
        ]
        await self.rest()

    async def kill(self) -> None:
        """Stop at once; nothing of what is in memory is saved."""
        doomed: list[asyncio.Future[Any]] = [
            *self._tasks,
            *self.scheduler._loads,
            *self.far.flying.values(),
        ]
        for each in doomed:
            each.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)

    async def restart(self) -> None:
        """Start over; endpoints answer as before."""
        await self.kill()
        answers, self.far = self.far.answers, FarEnd(self.clock)
        self.far.answers = answers
        self._build()
        await self.start()

    # --- what the rest of the program does

    async def webhook(self, path: str = "/in", **fields: Any) -> Webhook:
        made, _ = await self.endpoints.create(
            {"url": f"https://hooks.example{path}", "events": ["message.received"], **fields}
        )
        await self.rest()
        return made

    async def publish(self, count: int = 1, *, offer: bool = True) -> list[Published]:
        """Commit events, each on its own; without ``offer`` as if the process died right after."""
        published = await asyncio.gather(
            *(self.store.writer.write(self._publish) for _ in range(count))
        )
        if offer:
            self.publisher.announce(*published)
        await self.rest()
        return published

    def _publish(self, tx: Tx) -> Published:
        return self.publisher.publish(tx, "message.received", {"n": 1})

    async def retry(self, published: Published) -> None:
        replays = Replays(self.store, self.scheduler, self.clock)
        await replays.retry(published.fresh[0].id)
        await self.rest()

    async def keep_up(self) -> None:
        await Upkeep(self.store, Turns(self.store.writer, self.clock)).run()
        await self.rest()

    # --- time, and what can be seen

    async def rest(self) -> None:
        """Let everything that can happen now happen."""
        for _ in range(6):
            await self.clock.settle()
            await self.store.writer.write(lambda _: None)
            await self.store.snapshots.read(lambda _: None)
        await self.clock.settle()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.001)

    async def sleep(self, seconds: float) -> None:
        """Let time pass from one sleeper to the next, with a rest after each."""
        end = self.clock.elapsed + seconds
        while self.clock.elapsed < end:
            sleepers = self.clock._sleepers
            at = min(end, sleepers[0][0] if sleepers else end)
            await self.clock.advance(max(0.0, at - self.clock.elapsed) + 1e-9)
            await self.rest()

    async def rows(self, sql: str) -> list[Row]:
        return await self.store.reader.all(sql)

    async def states(self) -> list[str]:
        return [row[0] for row in await self.rows("SELECT status FROM deliveries ORDER BY seq")]

    async def attempts(self) -> int:
        return int((await self.rows("SELECT count(*) FROM attempts"))[0][0])

    @asynccontextmanager
    async def broken_store(self) -> AsyncIterator[None]:
        """Have another program lock the file, so that every commit fails."""
        await self.store.writer.write(lambda tx: tx.execute("PRAGMA busy_timeout = 1").close())
        blocker = sqlite3.connect(self.store.path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            blocker.execute("ROLLBACK")
            blocker.close()
