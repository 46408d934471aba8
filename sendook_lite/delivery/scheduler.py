"""Delivers what is due: rows become requests, their outcomes become rows again.

The rows are the timers. What is committed is either offered here right after its commit, or read
from the store when its time has come; after a restart everything is read. Claims live in the lanes,
in memory, so a killed process leaves nothing locked.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from functools import partial

import structlog

from sendook_lite.delivery.lane import Lane, LaneState
from sendook_lite.delivery.lanes import LaneLimits, Lanes
from sendook_lite.delivery.meters import DeliveryMeters
from sendook_lite.delivery.recorder import STORE_RETRY_SECONDS, Recorder
from sendook_lite.delivery.roster import MakeEndpoint, Roster
from sendook_lite.delivery.sender import Sender
from sendook_lite.delivery.window_filler import WindowFiller
from sendook_lite.domain.clock import MS_PER_SECOND, Clock, SteadyClock
from sendook_lite.domain.model import DueDelivery, Secret, Settlement, Webhook
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.retry import DELIVERED, decide
from sendook_lite.domain.settlement import settlement_of
from sendook_lite.settings import DeliverySettings
from sendook_lite.store import deliveries
from sendook_lite.store.database import Store
from sendook_lite.usecases.ports import AlertFeed
from sendook_lite.usecases.settling import Recorded, Settling

MAX_UNSETTLED = 1024
"""Requests in flight and outcomes waiting for their commit; beyond it nothing new is sent."""

_AT_A_TIME = 8

log = structlog.get_logger(__name__)


class Scheduler:
    """Owns the lanes and what is under way; its filler reads, its recorder settles."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        clock: Clock,
        settings: DeliverySettings,
        make_endpoint: MakeEndpoint,
        settling: Settling,
        alerts: AlertFeed,
        gather: float = 0.0,
    ) -> None:
        self._store = store
        self._sender = sender
        self._clock = clock
        self._steady = SteadyClock(clock)
        self._make_endpoint = make_endpoint
        self._slow_after = settings.slow_after * MS_PER_SECOND
        self._wake = asyncio.Event()
        self._lanes = Lanes(LaneLimits(settings.max_in_flight, self._slow_after), self._wake.set)
        self._alerts = alerts
        self._recorder = Recorder(
            store, settling, clock, self._steady, self._recorded, self._follow_up, gather
        )
        self._filler = WindowFiller(
            store, self._steady, self._lanes, self._start, self._may_work, self._pump
        )
        self._roster = Roster(store, self._steady, settings, make_endpoint, self._lanes, self._wake)
        self._loads: set[asyncio.Task[None]] = set()
        self.meters = DeliveryMeters()
        self._idle = asyncio.Event()
        self._look_at_all = True
        self._stopping = False
        self._over = False

    # --- what the use cases tell it (usecases.ports.DeliveryFeed)

    def now(self) -> int:
        """Return the time that due times are measured against, in ms since the epoch."""
        return self._steady.now()

    def offer(self, fresh: Sequence[DueDelivery]) -> None:
        """Take deliveries that were committed just now and are due at once.

        What finds no room in its lane's window stays in the store and is read later.
        """
        now = self._steady.now()
        owed: dict[int, list[DueDelivery]] = {}
        for delivery in fresh:
            owed.setdefault(delivery.webhook_seq, []).append(delivery)
        for webhook_seq, deliveries_of in owed.items():
            lane = self._lanes.get(webhook_seq)
            if lane is None:
                self._roster.owed(webhook_seq)
            elif lane.behind(now) or not self._put_at_hand(lane, deliveries_of):
                self._lanes.expect(lane, now)
        self._pump()

    def _put_at_hand(self, lane: Lane, fresh: Sequence[DueDelivery]) -> bool:
        """Put what fits at a lane's hand; False when some of it does not."""
        start = 0
        while start < len(fresh):
            if not lane.room:
                self._pump()  # makes some
            # A few at a time: how many fit depends on how heavy they are.
            end = start + min(lane.room, _AT_A_TIME)
            if end == start:
                return False
            self._lanes.push(lane, fresh[start:end])
            start = end
        return True

    def webhook_changed(self, webhook_seq: int) -> None:
        """Have a webhook's lane made, brought up to date or closed."""
        self._roster.changed(webhook_seq)

    def resume(self) -> None:
        """Go on after the store was out of order."""
        self._look_at_all = True
        self._wake.set()

    # --- what app.py runs

    async def recover(self) -> None:
        """Make the lanes of all enabled webhooks; what is overdue is found by their rows.

        Due times that a corrected clock put out of reach are brought back first.

        Raises:
            StoreFailed: nothing can be read.
        """
        now = self._steady.now()
        clamped = await self._store.writer.write(deliveries.clamp_due_times, now)
        if clamped:
            log.warning("due times lay too far ahead, the clock was set back", deliveries=clamped)
        await self._roster.load_all()

    async def run(self) -> None:
        """Keep lanes filled until stopped or cancelled."""
        while not self._stopping:
            self._wake.clear()
            if self._store_fails() or not await self._roster.reload():
                await self._clock.sleep(STORE_RETRY_SECONDS)
                self.resume()
                continue
            now = self._steady.now()
            lanes = self._lanes if self._look_at_all else self._lanes.due(now)
            self._look_at_all = False
            for lane in lanes:
                self._filler.look(lane, now)
            self._pump()
            await self._clock.wait(self._wake, self._seconds_to_next())

    async def settle(self) -> None:
        """Record outcomes until cancelled."""
        await self._recorder.run()

    async def drain(self, seconds: float) -> None:
        """Stop sending; let requests in flight end, at most so many seconds; record them."""
        self._stopping = True
        self._wake.set()
        if self._lanes.in_flight:
            self._idle.clear()
            await self._clock.wait(self._idle, seconds)
        self._over = True
        for load in self._loads:
            load.cancel()
        await asyncio.gather(*self._loads, return_exceptions=True)
        await self._sender.close()
        await self._recorder.flush()

    def facts(self) -> dict[str, int]:
        """Return what is going on, for the status page."""
        lanes = list(self._lanes)
        return {
            "inFlight": self._lanes.in_flight,
            "suspectInFlight": self._lanes.suspect_in_flight,
            "lanes": len(lanes),
            "throttledLanes": sum(lane.throttled for lane in lanes),
            "slowAnswers": sum(lane.slow_answers for lane in lanes),
            "unsettled": self._recorder.unsettled,
        }

    def lane_states(self) -> Counter[LaneState]:
        """Count the lanes by their state."""
        return Counter(lane.state for lane in self._lanes)

    async def probe(
        self, webhook: Webhook, secrets: Sequence[Secret], delivery: DueDelivery
    ) -> Outcome:
        """Send a delivery now, outside lane and schedule (usecases.ports.Probe)."""
        endpoint = self._make_endpoint(webhook, secrets)
        return await self._sender.send(endpoint, delivery, self._clock.now())

    # --- the store

    def _may_work(self) -> bool:
        if self._stopping:
            return False
        if self._store_fails():
            self._wake.set()  # `run` tries again until it works
            return False
        return True

    def _store_fails(self) -> bool:
        return self._recorder.failing or self._store.writer.failure is not None

    def _seconds_to_next(self) -> float | None:
        """Return how long nothing will happen by itself; None: for ever."""
        at = self._lanes.next_at()
        return None if at is None else max(0.0, at - self._steady.now()) / MS_PER_SECOND

    # --- sending

    def _pump(self) -> None:
        """Send every delivery that may go now."""
        now = self._steady.now()
        while (taken := self._take(now)) is not None:
            self._begin(*taken)

    def _may_send(self) -> bool:
        under_way = self._lanes.in_flight + self._recorder.unsettled
        return under_way < MAX_UNSETTLED and self._may_work()

    def _take(self, now: int) -> tuple[Lane, DueDelivery] | None:
        if not self._may_send():
            return None
        taken = self._lanes.take(now)
        if taken is not None and taken[0].more_at is not None:
            self._filler.fill(taken[0], now)
        return taken

    def _begin(self, lane: Lane, delivery: DueDelivery) -> None:
        started_at = self._clock.now()
        ended = partial(self._ended, lane, delivery, started_at)
        self._sender.begin(lane.endpoint, delivery, started_at, ended)

    def _ended(self, lane: Lane, delivery: DueDelivery, started_at: int, outcome: Outcome) -> None:
        """Take the end of an attempt."""
        if self._over:
            return  # given up: it stays due
        try:
            self._follow(lane, delivery, started_at, outcome)
        except Exception:
            # Left to the event loop, it would be written with all that is known of the endpoint.
            log.exception("the end of an attempt broke", delivery=delivery.id)

    def _follow(self, lane: Lane, delivery: DueDelivery, started_at: int, outcome: Outcome) -> None:
        """Have an outcome recorded, and send what is next."""
        self.meters.attempted(outcome)
        if outcome.status is not None and outcome.duration_ms >= self._slow_after:
            self._note_slow(lane, outcome)
        now = self._steady.now()
        following: DueDelivery | None = None
        if outcome.success:
            self._recorder.add(settlement_of(delivery, outcome, DELIVERED, started_at))
            if self._may_send():
                following = self._lanes.replace(lane, delivery.seq, now)
        else:
            self._note_failure(lane, delivery, outcome, started_at, now)
        if following is None:
            self._lanes.finish(lane, delivery.seq, now, success=outcome.success)
        if lane.more_at is not None:
            self._filler.fill(lane, now)
        if following is not None:
            self._begin(lane, following)
            return
        self._pump()
        if not self._lanes.in_flight:
            self._idle.set()

    def _note_failure(
        self, lane: Lane, delivery: DueDelivery, outcome: Outcome, started_at: int, now: int
    ) -> None:
        """Have a failure recorded with what follows, and spare an endpoint that asks for it."""
        verdict = decide(
            outcome, delivery.tries + 1, lane.schedule, delivery.trigger, self._clock.now()
        )
        due_at = self._steady.after(verdict.delay) if verdict.state == "retry" else None
        self._recorder.add(
            settlement_of(delivery, outcome, verdict, started_at, due_at=due_at, url=lane.url)
        )
        if verdict.pause:
            self._lanes.pause(lane, now + verdict.pause * MS_PER_SECOND)
        if verdict.gone:
            self._lanes.halt(lane, now)

    def _note_slow(self, lane: Lane, outcome: Outcome) -> None:
        lane.slow_answers += 1
        if lane.slow_answers == 1:
            log.info(
                "an endpoint answers slowly",
                webhook=lane.endpoint.webhook_id,
                seconds=round(outcome.duration_ms / MS_PER_SECOND, 1),
            )

    def _recorded(self, settled: Sequence[Settlement]) -> None:
        """Let go of deliveries whose outcome is committed."""
        now = self._steady.now()
        for done in settled:
            seq = done.delivery.webhook_seq
            self._lanes.release(seq, done.delivery.seq, now)
            lane = self._lanes.get(seq)
            if done.gone_url is not None:
                if lane is not None and lane.halted:
                    self._lanes.remove(lane)
                self.webhook_changed(seq)
            elif lane is not None and done.due_at is not None:
                self._lanes.expect(lane, done.due_at)
        self._pump()

    def _follow_up(self, recorded: Recorded) -> None:
        """Close the lanes of webhooks that were disabled, have alerts told, and count."""
        self.meters.ended["delivered"] += recorded.delivered
        self.meters.ended["failed"] += recorded.failed
        for webhook_seq in recorded.disabled:
            self.webhook_changed(webhook_seq)
        if recorded.alerts:
            self._alerts.alerts_written()

    def _start(self, load: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(load)
        self._loads.add(task)
        task.add_done_callback(self._loaded)

    def _loaded(self, task: asyncio.Task[None]) -> None:
        """Let go of a task; one that broke is a bug and is logged."""
        self._loads.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery task failed", exc_info=error)
