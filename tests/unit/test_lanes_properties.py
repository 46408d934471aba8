"""Whatever endpoints do and in whatever order: limits hold, nothing is lost, nothing sent twice.

The machine plays the scheduler and the store around the lanes; its store is a table of due times.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sendook_lite.delivery.lane import THROTTLE_AFTER, Lane
from sendook_lite.delivery.lanes import LaneLimits, Lanes
from tests.unit.lane_parts import SLOW_AFTER, due, end, lane_in, lanes_of

WEBHOOKS = st.integers(0, 5)
CAP = 4


class Deliveries(RuleBasedStateMachine):
    """Lanes among endpoints that answer, fail, hang, pause, and come and go."""

    @property
    def here(self) -> dict[int, Lane]:
        return {lane.webhook_seq: lane for lane in self.lanes}

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.slots = 6
        self.lanes = Lanes(LaneLimits(self.slots, SLOW_AFTER))
        self.pending: dict[int, dict[int, int]] = {}
        self.flying: list[tuple[Lane, int]] = []
        self.unsettled: list[tuple[int, int, int | None]] = []
        self.made = 0

    # --- the scheduler's part

    def attend(self) -> None:
        """Look at the lanes whose time has come; a second look must find nothing more to do."""
        for _ in range(2 * len(self.here) + 2):
            found = self.lanes.due(self.now)
            for lane in found:
                self.fill(lane)
                self.lanes.look(lane, self.now)
            if not found:
                return
        raise AssertionError("lanes want to be looked at for ever")

    def fill(self, lane: Lane) -> None:
        """Read from the store what is due, as the scheduler decides it."""
        if (
            lane.closed
            or lane.more_at is None
            or lane.more_at > self.now
            or not lane.hungry
            or lane.held_until > self.now
        ):
            return
        rows = sorted(
            (at, seq)
            for seq, at in self.pending.get(lane.webhook_seq, {}).items()
            if seq not in lane.claims
        )
        window = [row for row in rows if row[0] <= self.now][: lane.room]
        lane.more_at = None
        if len(rows) > len(window):
            lane.expect(rows[len(window)][0])
        self.lanes.push(lane, [due(seq, lane.webhook_seq) for _, seq in window])
        self.lanes.look(lane, self.now)

    def send(self) -> bool:
        suspects, total = self.lanes.suspect_in_flight, self.lanes.in_flight
        taken = self.lanes.take(self.now)
        if taken is None:
            return False
        lane, delivery = taken
        assert total < self.slots
        assert not lane.suspect or suspects < self.slots // 2
        assert len(lane.in_flight) <= (1 if lane.throttled else CAP)
        assert lane.free_at <= self.now or lane.rate_limit
        claimed = [seq for _, seq in self.flying] + [seq for _, seq, _ in self.unsettled]
        assert delivery.seq not in claimed
        assert self.pending[lane.webhook_seq][delivery.seq] <= self.now
        self.flying.append((lane, delivery.seq))
        self.fill(lane)
        return True

    def answer(self, which: int, *, success: bool, retry: int | None) -> None:
        lane, seq = self.flying.pop(which % len(self.flying))
        self.lanes.finish(lane, seq, self.now, success=success)
        self.fill(lane)
        self.unsettled.append((lane.webhook_seq, seq, None if retry is None else self.now + retry))

    def settle(self) -> None:
        for webhook_seq, seq, due_at in self.unsettled:
            if due_at is None:
                self.pending[webhook_seq].pop(seq, None)
            elif seq in self.pending[webhook_seq]:
                self.pending[webhook_seq][seq] = due_at
            self.lanes.release(webhook_seq, seq, self.now)
            lane = self.lanes.get(webhook_seq)
            if lane is not None and due_at is not None:
                self.lanes.expect(lane, due_at)
        self.unsettled = []

    # --- what may happen

    @rule(webhook=WEBHOOKS, failures=st.sampled_from([0, 0, THROTTLE_AFTER]))
    def appear_or_move(self, webhook: int, failures: int) -> None:
        lane = lane_in(self.lanes, webhook, cap=CAP, consecutive_failures=failures)
        rows = self.pending.setdefault(webhook, {})
        if rows:
            lane.expect(min(rows.values()))
        self.lanes.look(lane, self.now)

    @rule(webhook=WEBHOOKS)
    def disappear(self, webhook: int) -> None:
        if webhook in self.here:
            self.lanes.remove(self.here[webhook])

    @rule(webhook=WEBHOOKS)
    def change(self, webhook: int) -> None:
        if webhook in self.here:
            lane = self.here[webhook]
            self.lanes.invalidate(lane, self.now)
            lane.rate_limit = None if lane.rate_limit else 2.0

    @rule()
    def learn_of_changes(self) -> None:
        for lane in self.lanes:
            if lane.outdated:
                lane.outdated = False
                self.lanes.look(lane, self.now)

    @rule(webhook=WEBHOOKS, count=st.integers(1, 30))
    def publish(self, webhook: int, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.pending.setdefault(webhook, {})[self.made] = self.now
            lane = self.here.get(webhook)
            if lane is None:
                continue
            if lane.room and not lane.behind(self.now):
                self.lanes.push(lane, [due(self.made, webhook)])
            else:
                self.lanes.expect(lane, self.now)

    @rule(count=st.integers(1, 8))
    def send_some(self, count: int) -> None:
        while count and self.send():
            count -= 1

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 99), success=st.booleans(), retry=st.sampled_from([None, 0, 5000]))
    def end_one(self, which: int, success: bool, retry: int | None) -> None:  # noqa: FBT001 - drawn
        self.answer(which, success=success, retry=None if success else retry)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 99))
    def end_one_and_pause(self, which: int) -> None:
        lane = self.flying[which % len(self.flying)][0]
        self.lanes.pause(lane, self.now + 60_000)
        self.answer(which, success=False, retry=60_000)

    @rule()
    def record(self) -> None:
        self.settle()

    @rule(ms=st.sampled_from([0, 1, 500, 5000, 60_000]))
    def wait(self, ms: int) -> None:
        self.now += ms
        self.attend()

    # --- what must hold

    @invariant()
    def requests_are_counted_right(self) -> None:
        assert self.lanes.in_flight == len(self.flying) <= self.slots
        assert self.lanes.suspect_in_flight == sum(lane.suspect for lane, _ in self.flying)

    @invariant()
    def claims_are_what_is_at_hand_in_flight_or_unsettled(self) -> None:
        for webhook, lane in self.here.items():
            assert lane.claims == (
                {each.seq for each in lane.ready}
                | {seq for flying, seq in self.flying if flying.webhook_seq == webhook}
                | {seq for unsettled, seq, _ in self.unsettled if unsettled == webhook}
            )

    @invariant()
    def no_lane_is_queued_that_may_not_send(self) -> None:
        for queue in (self.lanes._trusted, self.lanes._suspects):
            for lane in queue:
                assert lane.ready
                assert len(lane.in_flight) < lane.allowed
                assert lane.suspect == (queue is self.lanes._suspects)

    @invariant()
    def what_is_at_hand_is_in_the_order_it_was_due(self) -> None:
        for webhook, lane in self.here.items():
            ready = [(self.pending[webhook][each.seq], each.seq) for each in lane.ready]
            assert ready == sorted(ready)

    def teardown(self) -> None:
        """Once all endpoints answer, everything that is owed arrives by itself."""
        for _ in range(20_000):
            self.learn_of_changes()
            self.attend()
            sent = False
            while self.send():
                sent = True
            while self.flying:
                self.answer(0, success=True, retry=None)
                sent = True  # and there may be room for more
            self.settle()
            if not any(self.pending[webhook] for webhook in self.here):
                return
            if sent:
                continue
            at = self.lanes.next_at()
            assert at is not None, "something is owed and nobody will look"
            self.now = max(self.now, int(at) + (at > int(at)))
        raise AssertionError("it does not end")


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


@given(
    trusted=st.integers(0, 12),
    cold=st.integers(0, 12),
    slots=st.integers(1, 40),
    hanging=st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_every_lane_with_work_gets_its_turn(
    trusted: int, cold: int, slots: int, hanging: int
) -> None:
    """Nobody waits longer than for two turns of everybody who is served."""
    lanes = lanes_of(slots)
    served = [lane_in(lanes, seq) for seq in range(trusted + cold)]
    stuck = [lane_in(lanes, 100 + seq) for seq in range(min(hanging, slots // 4))]
    for lane in served[:trusted]:
        lane.succeed()
        lanes.look(lane, 0)
    for lane in stuck:
        lanes.push(lane, [due(lane.webhook_seq * 1000, lane.webhook_seq)])
        lanes.take(0)
    for lane in served:
        lanes.push(lane, [due(lane.webhook_seq * 1000 + n, lane.webhook_seq) for n in range(1, 60)])
    waited = dict.fromkeys(served, 0)
    for _ in range(10 * len(served)):
        taken = lanes.take(0)
        assert taken is not None
        for lane in served:
            waited[lane] += 1
        waited[taken[0]] = 0
        # A cold lane stays cold here: a failure among successes proves and throttles nothing.
        if taken[0].suspect:
            taken[0].consecutive_failures = 0
        end(lanes, taken[0], taken[1].seq, success=not taken[0].suspect)
        assert max(waited.values()) <= 2 * max(trusted, cold) + 1
