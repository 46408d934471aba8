"""Delivers what is due: rows become requests, their outcomes become rows again.

The rows are the timers. What is committed is either offered here right after its commit, or read
from the store when its time has come; after a restart everything is read. Claims live in the lanes,
in memory, so a killed process leaves nothing locked.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import structlog

from sendook_lite.delivery.endpoint import Endpoint, Request
from sendook_lite.delivery.lanes import Lane, LaneLimits, Lanes
from sendook_lite.delivery.sender import Sender
from sendook_lite.domain.clock import MS_PER_SECOND, Clock, SteadyClock
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.model import DueDelivery, Secret, Settlement, Webhook
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.retry import decide
from sendook_lite.settings import DeliverySettings
from sendook_lite.store import deliveries, webhooks
from sendook_lite.store.database import Store
from sendook_lite.store.writer import Tx

MAX_UNSETTLED = 1024
"""Outcomes waiting for their commit; beyond it nothing new is sent."""

STORE_RETRY_SECONDS = 1.0
"""How long to wait before outcomes are written again to a store that failed."""

log = structlog.get_logger(__name__)

_Loaded = tuple[Webhook, list[Secret], int | None]


class Scheduler:
    """Owns the lanes, the tasks that send, and the one that records."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        settings: DeliverySettings,
        make_endpoint: Callable[[Webhook, Sequence[Secret]], Endpoint],
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._steady = SteadyClock(clock)
        self._settings = settings
        self._make_endpoint = make_endpoint
        self._slow_after = settings.slow_after * MS_PER_SECOND
        self._lanes = Lanes(
            LaneLimits(settings.max_in_flight, settings.max_in_flight_per_webhook, self._slow_after)
        )
        self._outcomes: list[tuple[Lane, Settlement]] = []
        self._unsettled = 0
        self._changed: set[int] = set()
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    # --- what the use cases tell it (usecases.ports.DeliveryFeed)

    def now(self) -> int:
        """Return the time that due times are measured against, in ms since the epoch."""
        return self._steady.now()

    def offer(self, fresh: Sequence[DueDelivery]) -> None:
        """Take deliveries that were committed just now and are due at once.

        What finds no room in its lane's window stays in the store and is read later.
        """
        now = self._steady.now()
        for delivery in fresh:
            lane = self._lanes.get(delivery.webhook_seq)
            if lane is None:
                self.webhook_changed(delivery.webhook_seq)
            elif lane.room and not lane.behind(now):
                self._lanes.push(lane, (delivery,))
            else:
                lane.expect(now)
        self._pump()

    def webhook_changed(self, webhook_seq: int) -> None:
        """Have a webhook's lane made, brought up to date or closed."""
        self._changed.add(webhook_seq)
        self._wake.set()

    def resume(self) -> None:
        """Go on after the store was out of order."""
        self._wake.set()

    # --- what app.py runs

    async def recover(self) -> None:
        """Make the lanes of all enabled webhooks; what is overdue is found by their rows.

        Due times that a corrected clock put out of reach are brought back first.
        """
        now = self._steady.now()
        clamped = await self._store.writer.write(deliveries.clamp_due_times, now)
        if clamped:
            log.warning("due times lay too far ahead, the clock was set back", deliveries=clamped)
        for loaded in await self._store.writer.write(_load_all):
            self._install(loaded)

    async def run(self) -> None:
        """Keep lanes filled until cancelled."""
        while True:
            self._wake.clear()
            await self._reload_changed()
            now = self._steady.now()
            self._lanes.classify_all(now)
            self._lanes.resume(now)
            for lane in self._lanes:
                self._fill(lane, now)
            self._pump()
            await self._clock.wait(self._wake, self._seconds_to_next(now))

    async def settle(self) -> None:
        """Record outcomes, as many at a time as have come in, until cancelled."""
        while True:
            await self._answered.wait()
            self._answered.clear()
            await self._settle_now()

    async def drain(self, seconds: float) -> None:
        """Stop sending; let requests in flight end, at most so many seconds; record them."""
        self._stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._settle_now(once=True)
        await self._sender.close()

    def facts(self) -> dict[str, int]:
        """Return what is going on, for the status page."""
        lanes = list(self._lanes)
        return {
            "inFlight": self._lanes.in_flight,
            "lanes": len(lanes),
            "throttledLanes": sum(lane.state == "throttled" for lane in lanes),
            "unsettled": self._unsettled,
        }

    async def probe(
        self, webhook: Webhook, secrets: Sequence[Secret], delivery: DueDelivery
    ) -> Outcome:
        """Send a delivery now, outside lane and schedule (usecases.ports.Probe)."""
        return await self._sender.send(self._make_endpoint(webhook, secrets), _request(delivery))

    # --- lanes and the store

    async def _reload_changed(self) -> None:
        while self._changed:
            seq = self._changed.pop()
            loaded = await self._store.writer.write(_load_one, seq)
            if loaded is None:
                lane = self._lanes.get(seq)
                if lane is not None:
                    self._lanes.remove(lane)
            else:
                self._install(loaded)

    def _install(self, loaded: _Loaded) -> None:
        """Make the lane of an enabled webhook, or bring the one it has up to date."""
        webhook, secrets, first_due = loaded
        lane = self._lanes.get(webhook.seq)
        endpoint = self._make_endpoint(webhook, secrets)
        schedule = (
            self._settings.retry_schedule
            if webhook.retry_schedule is None
            else webhook.retry_schedule
        )
        if lane is not None and lane.endpoint.url == endpoint.url:
            lane.endpoint, lane.schedule = endpoint, schedule
            lane.rate_limit = webhook.rate_limit
        else:
            if lane is not None:
                self._lanes.remove(lane)
            lane = Lane(
                webhook.seq,
                endpoint,
                schedule,
                self._settings.max_in_flight_per_webhook,
                consecutive_failures=webhook.consecutive_failures,
                rate_limit=webhook.rate_limit,
            )
            self._lanes.add(lane)
        if first_due is not None:
            lane.expect(first_due)

    def _fill(self, lane: Lane, now: float) -> None:
        """Have a lane's window filled from the store when there is something due and room."""
        if (
            lane.more_at is None
            or lane.more_at > now
            or lane.loading
            or self._stopping
            or lane.not_before > now
            or len(lane.ready) > lane.cap // 2
            or not lane.room
        ):
            return
        lane.loading = True
        self._start(self._load(lane))

    async def _load(self, lane: Lane) -> None:
        lane.more_at = None
        try:
            window = await self._store.writer.write(
                deliveries.take_due,
                lane.webhook_seq,
                self._steady.now(),
                lane.room,
                lane.claimed(),
            )
        except StoreFailed:
            lane.expect(self._steady.now() + STORE_RETRY_SECONDS * MS_PER_SECOND)
            return
        finally:
            lane.loading = False
            self._wake.set()
        if lane.closed:
            return
        if window.next_due_at is not None:
            lane.expect(window.next_due_at)
        # Offered while the store was asked: already here.
        self._lanes.push(lane, [each for each in window.deliveries if not lane.holds(each.seq)])
        self._pump()

    def _seconds_to_next(self, now: float) -> float | None:
        """Return how long nothing will happen by itself."""
        moments = [
            at for lane in self._lanes if (at := lane.wake_at(now, self._slow_after)) is not None
        ]
        if not moments:
            return None
        return max(0.0, min(moments) - now) / MS_PER_SECOND

    # --- sending

    def _pump(self) -> None:
        """Start a sending task for every delivery that may go now and has none."""
        while (taken := self._take()) is not None:
            self._start(self._send_in_turn(*taken))

    def _take(self) -> tuple[Lane, DueDelivery] | None:
        if self._stopping or self._unsettled >= MAX_UNSETTLED or self._store.writer.failure:
            return None
        return self._lanes.take(self._steady.now())

    async def _send_in_turn(self, lane: Lane, delivery: DueDelivery) -> None:
        """Send one delivery, then whatever is next, so that no task is made for each."""
        taken: tuple[Lane, DueDelivery] | None = (lane, delivery)
        while taken is not None:
            await self._send(*taken)
            taken = self._take()

    async def _send(self, lane: Lane, delivery: DueDelivery) -> None:
        started_at = self._clock.now()
        try:
            outcome = await self._sender.send(lane.endpoint, _request(delivery))
        except Exception:
            # A bug of ours must cost this delivery an attempt, not the lane a slot for ever.
            log.exception("an attempt broke", delivery=delivery.id)
            outcome = Outcome(None, "bad_response", "internal error, see the log", b"", 0)
        now = self._steady.now()
        self._lanes.finish(lane, delivery.seq, now, success=outcome.success)
        if lane.more_at is not None and lane.more_at <= now:
            self._fill(lane, now)
        self._outcomes.append((lane, self._judge(lane, delivery, outcome, started_at, now)))
        self._unsettled += 1
        self._answered.set()

    def _judge(
        self, lane: Lane, delivery: DueDelivery, outcome: Outcome, started_at: int, now: int
    ) -> Settlement:
        verdict = decide(
            outcome, delivery.tries + 1, lane.schedule, delivery.trigger, self._clock.now()
        )
        delay = round(verdict.delay * MS_PER_SECOND)
        retried = verdict.state == "retry"
        return Settlement(
            delivery=delivery,
            started_at=started_at,
            duration_ms=round(outcome.duration_ms),
            status=outcome.status,
            error=outcome.error_text,
            response=outcome.response_text,
            state="pending" if verdict.state == "retry" else verdict.state,
            due_at=now + delay if retried else None,
            delay=delay,
        )

    # --- recording

    async def _settle_now(self, *, once: bool = False) -> None:
        """Record what has come in; a store that fails is asked again, nothing is dropped."""
        while self._outcomes:
            batch, self._outcomes = self._outcomes, []
            try:
                await self._store.writer.write(
                    deliveries.settle, [done for _, done in batch], self._steady.now()
                )
            except StoreFailed as error:
                self._outcomes = batch + self._outcomes
                log.error("outcomes cannot be recorded, will try again", reason=error.message)
                if once:
                    return
                await self._clock.sleep(STORE_RETRY_SECONDS)
                continue
            for lane, done in batch:
                lane.unsettled.discard(done.delivery.seq)
                if done.due_at is not None:
                    lane.expect(done.due_at)
                    self._wake.set()
            full = self._unsettled >= MAX_UNSETTLED
            self._unsettled -= len(batch)
            if full:
                self._pump()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let go of a task; one that broke is a bug and is logged."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery task failed", exc_info=error)


def _request(delivery: DueDelivery) -> Request:
    return Request(
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        delivery_id=delivery.id,
        attempt=delivery.attempt_count + 1,
        body=delivery.body,
    )


def _load_all(tx: Tx) -> list[_Loaded]:
    found = [_load_one(tx, seq) for seq in webhooks.enabled(tx)]
    return [each for each in found if each is not None]


def _load_one(tx: Tx, seq: int) -> _Loaded | None:
    """Return an enabled webhook, what signs for it, and when its first delivery is due."""
    webhook = webhooks.find_by_seq(tx, seq)
    if webhook is None or webhook.status != "enabled":
        return None
    return webhook, webhooks.secrets_in(tx, seq), deliveries.first_due(tx, seq)
