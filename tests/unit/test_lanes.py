"""Lanes: how much each endpoint is sent, when, and who is next."""

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest

from sendook_lite.delivery.lane import AtHand, Lane
from sendook_lite.delivery.lanes import LaneLimits, Lanes
from tests.unit.lane_parts import (
    ENDPOINT,
    SLOW_AFTER,
    due,
    end,
    give,
    lane_in,
    lanes_of,
    prove,
    take_all,
    throttle,
)


def test_a_cold_lane_has_two_requests_in_flight_in_the_order_of_its_deliveries() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, 3, 1, 2)
    assert take_all(lanes) == [3, 1]
    assert lane.state == "cold"


def test_every_success_doubles_the_window_up_to_the_cap() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes, cap=9)
    allowed = []
    for seq in range(5):
        allowed.append(lane.allowed)
        give(lanes, lane, seq)
        end(lanes, lane, *take_all(lanes))
    assert allowed == [2, 4, 8, 9, 9]
    assert lane.state == "proven"


def test_a_failure_does_not_widen_the_window_nor_prove_the_lane() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, 1, 2, 3)
    end(lanes, lane, *take_all(lanes), success=False)
    assert (lane.state, lane.allowed) == ("cold", 2)


def test_a_proven_lane_fills_its_cap_and_no_more() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    give(lanes, lane, *range(100))
    assert take_all(lanes) == list(range(32))


def test_the_fifth_failure_in_a_row_throttles() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    states = []
    for seq in range(5):
        give(lanes, lane, seq)
        end(lanes, lane, *take_all(lanes), success=False)
        states.append(lane.state)
    assert states == ["cold"] * 4 + ["throttled"]


def test_a_success_starts_the_count_of_failures_anew() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes, consecutive_failures=4)
    give(lanes, lane, 1, 2)
    take_all(lanes)
    end(lanes, lane, 1)
    end(lanes, lane, 2, success=False)
    assert lane.state == "proven"


def test_a_lane_that_starts_with_five_failures_is_throttled_and_probed_at_once() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes, consecutive_failures=5)
    give(lanes, lane, 1, 2)
    assert (lane.state, take_all(lanes)) == ("throttled", [1])


@pytest.mark.parametrize(
    ("schedule", "gaps"),
    [
        ((5.0, 25.0, 125.0), [5, 10, 20, 40, 80, 125, 125]),
        ((2.0, 1.0), [2, 2, 2]),
        ((0.5, 60.0), [0.5, 1, 2]),
        ((), [5, 5, 5]),
        ((0.0, 0.0), [5, 5, 5]),
        ((0.0, 7.0, 10.0), [7, 10, 10]),
    ],
)
def test_probes_are_spaced_by_the_first_delay_doubling_up_to_the_longest(
    schedule: tuple[float, ...], gaps: list[float]
) -> None:
    lanes = lanes_of()
    lane = lane_in(lanes, schedule=schedule)
    throttle(lanes, lane)
    now = 0.0
    for seq, gap in enumerate(gaps):
        give(lanes, lane, seq)
        assert take_all(lanes, now + gap * 1000 - 1) == []
        assert lanes.next_at() == now + gap * 1000
        now += gap * 1000
        assert lanes.due(now) == [lane]
        lanes.look(lane, now)
        assert take_all(lanes, now) == [seq]
        end(lanes, lane, seq, success=False, now=now)


def test_requests_that_were_under_way_when_the_lane_was_throttled_are_no_probes() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    give(lanes, lane, *range(40))
    end(lanes, lane, *take_all(lanes, 0), success=False, now=1000)
    assert lane.consecutive_failures == 32
    assert lane.free_at == 6000


def test_a_throttled_lane_keeps_one_delivery_at_hand_and_leaves_the_others_to_the_store() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    give(lanes, lane, *range(20))
    for _ in range(5):
        found = lanes.take(0)
        assert found is not None
        end(lanes, lane, found[1].seq, success=False, now=100)
    assert [each.seq for each in lane.ready] == [5]
    assert lane.claims == set(range(6))
    assert lane.behind(100)
    assert lane.room == 0


def test_a_probe_that_fails_makes_room_for_the_next_oldest() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    throttle(lanes, lane)
    give(lanes, lane, 1)
    assert take_all(lanes, 5000) == [1]
    assert not lane.room or lane.room == 1
    end(lanes, lane, 1, success=False, now=5000)
    assert (lane.room, lane.hungry) == (1, True)


def test_one_success_opens_a_throttled_lane_fully_and_at_once() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    throttle(lanes, lane)
    give(lanes, lane, 1)
    assert take_all(lanes, 5000) == [1]
    end(lanes, lane, 1, now=5001)
    give(lanes, lane, *range(2, 50))
    assert take_all(lanes, 5001) == list(range(2, 34))


def test_a_lane_that_was_opened_and_fails_again_is_probed_from_the_first_delay_on() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    throttle(lanes, lane)
    give(lanes, lane, 1)
    take_all(lanes, 5000)
    end(lanes, lane, 1, success=False, now=5000)
    give(lanes, lane, 2)
    take_all(lanes, 15_000)
    end(lanes, lane, 2, now=15_000)
    throttle(lanes, lane, now=15_000)
    assert lane.free_at == 20_000


def test_a_pause_holds_the_whole_lane_and_a_shorter_one_does_not_end_it() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    lanes.pause(lane, 60_000)
    lanes.pause(lane, 30_000)
    give(lanes, lane, 1)
    assert take_all(lanes, 59_999) == []
    assert lanes.next_at() == 60_000
    lanes.look(lane, 60_000)
    assert take_all(lanes, 60_000) == [1]


def test_a_success_that_was_under_way_does_not_end_a_pause() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes, consecutive_failures=4)
    give(lanes, lane, 1, 2, 3)
    take_all(lanes)
    end(lanes, lane, 1, success=False)
    lanes.pause(lane, 60_000)
    end(lanes, lane, 2)
    assert take_all(lanes, 1) == []


# --- rate limits


def sends(rate: float, seconds: float, late_by: float = 0.0) -> list[float]:
    """When a limited lane sends with a timer that is late every time."""
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    lane.rate_limit = rate
    now, seq, sent = 0.0, 0, []
    while now < seconds * 1000:
        give(lanes, lane, *range(seq, seq + 10))
        lanes.look(lane, now)
        taken = take_all(lanes, now)
        end(lanes, lane, *taken, now=now)
        sent += [now] * len(taken)
        seq += 10
        at = lanes.next_at()
        assert at is not None
        now = max(now, at) + late_by
        lanes.due(now)
    return sent


@pytest.mark.parametrize("rate", [0.5, 1.0, 3.0, 100.0])
def test_a_rate_limit_spaces_requests_evenly(rate: float) -> None:
    sent = sends(rate, 10)
    assert len(sent) == pytest.approx(rate * 10, abs=1)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert min(gaps) == pytest.approx(1000 / rate)


def test_a_rate_limit_makes_up_for_timers_that_are_late() -> None:
    assert len(sends(100, 2, late_by=1)) == pytest.approx(200, abs=2)


def test_a_rate_limit_does_not_save_up_for_a_burst() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes, rate_limit=10.0)
    give(lanes, lane, 1)
    end(lanes, lane, *take_all(lanes, 0), now=0)
    give(lanes, lane, 2, 3)
    assert take_all(lanes, 111) == [2]
    lanes.look(lane, 210)
    assert take_all(lanes, 210) == []
    lanes.look(lane, 211)
    assert take_all(lanes, 211) == [3]


def test_an_opened_lane_still_keeps_its_rate_limit() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes, consecutive_failures=5, rate_limit=1.0)
    give(lanes, lane, 1)
    end(lanes, lane, *take_all(lanes, 0), now=10)
    give(lanes, lane, 2)
    assert take_all(lanes, 999) == []


# --- slots and turns


def test_all_requests_together_never_take_more_than_the_slots() -> None:
    lanes = lanes_of(10)
    for seq in range(20):
        lane = lane_in(lanes, seq)
        lane.succeed()
        lanes.look(lane, 0)
        give(lanes, lane, seq)
    assert len(take_all(lanes)) == 10


def test_suspects_together_hold_at_most_half_of_the_slots() -> None:
    lanes = lanes_of(256)
    for seq in range(300):
        give(lanes, lane_in(lanes, seq), seq)
    assert len(take_all(lanes)) == 128
    assert lanes.suspect_in_flight == 128


def test_a_lane_that_turned_trusted_does_not_wait_behind_the_suspects() -> None:
    lanes = lanes_of(8)
    lane = lane_in(lanes, 99)
    give(lanes, lane, 1, 2, 3)
    assert lanes.take(0) is not None
    for seq in range(10, 20):
        give(lanes, lane_in(lanes, seq), seq)
    take_all(lanes)
    assert lanes.suspect_in_flight == 4
    end(lanes, lane, 1)
    assert take_all(lanes)[:1] in ([2], [3])


def test_endpoints_that_hang_all_at_once_leave_slots_for_those_that_answer() -> None:
    lanes = lanes_of(256)
    healthy, *others = (lane_in(lanes, webhook_seq) for webhook_seq in range(9))
    for lane in (healthy, *others):
        prove(lanes, lane)
    for lane in others:
        give(lanes, lane, *range(lane.webhook_seq * 100, lane.webhook_seq * 100 + 50))
    take_all(lanes, 0)
    assert lanes.in_flight == 229
    for now in (0, SLOW_AFTER - 1, SLOW_AFTER, SLOW_AFTER * 2):
        for lane in lanes.due(now):
            lanes.look(lane, now)
        give(lanes, healthy, *range(1000, 1014))
        taken = take_all(lanes, now)
        assert taken == list(range(1000, 1014))
        end(lanes, healthy, *taken, now=now)
        for seq in taken:
            lanes.release(healthy.webhook_seq, seq, now)
    assert lanes.suspect_in_flight == 229


def test_a_lane_alone_is_given_one_more_than_half_of_the_slots() -> None:
    lanes = lanes_of(32)
    lane = lane_in(lanes)
    prove(lanes, lane)
    give(lanes, lane, *range(100))
    assert len(take_all(lanes)) == 17


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_single_slot_is_enough_to_deliver_to_trusted_and_suspects(slots: int) -> None:
    lanes = lanes_of(slots)
    trusted, cold = lane_in(lanes, 1), lane_in(lanes, 2)
    prove(lanes, trusted)
    give(lanes, trusted, 1, 2)
    give(lanes, cold, 11, 12)
    taken: list[int] = []
    for _ in range(4):
        found = lanes.take(0)
        assert found is not None
        taken.append(found[1].seq)
        assert lanes.in_flight <= slots
        lanes.finish(found[0], found[1].seq, 0, success=False)
    assert sorted(taken) == [1, 2, 11, 12]


def test_a_proven_lane_is_suspect_while_it_holds_an_old_request() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    lanes.due(10_000)
    give(lanes, lane, 1)
    take_all(lanes, 10_000)
    assert lanes.next_at() == 15_000
    lanes.look(lane, 14_999)
    assert (lane.suspect, lanes.suspect_in_flight) == (False, 0)
    lanes.look(lane, 15_000)
    assert (lane.suspect, lanes.suspect_in_flight) == (True, 1)
    end(lanes, lane, 1, now=16_000)
    assert (lane.suspect, lanes.suspect_in_flight, lanes.in_flight) == (False, 0, 0)


def test_an_old_request_is_noticed_although_it_was_sent_before_the_lane_was_proven() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, 1, 2)
    take_all(lanes, 0)
    end(lanes, lane, 1, now=10)
    assert lanes.next_at() == SLOW_AFTER
    lanes.look(lane, SLOW_AFTER)
    assert lane.suspect


def test_lanes_take_turns() -> None:
    lanes = lanes_of()
    for lane in [lane_in(lanes, webhook_seq) for webhook_seq in (1, 2, 3)]:
        lane.succeed()
        lanes.look(lane, 0)
        give(lanes, lane, *range(lane.webhook_seq * 10, lane.webhook_seq * 10 + 3))
    assert take_all(lanes) == [10, 20, 30, 11, 21, 31, 12, 22, 32]


def test_trusted_lanes_and_suspects_alternate() -> None:
    lanes = lanes_of()
    trusted = [lane_in(lanes, webhook_seq) for webhook_seq in (1, 2)]
    for lane in trusted:
        prove(lanes, lane)
    cold = lane_in(lanes, 3)
    for lane in trusted:
        give(lanes, lane, *range(lane.webhook_seq * 10, lane.webhook_seq * 10 + 2))
    give(lanes, cold, 30, 31)
    assert take_all(lanes) == [30, 10, 31, 20, 11, 21]


# --- what is at hand


def test_the_window_is_sixteen_times_what_may_be_in_flight() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    assert lane.room == 32
    prove(lanes, lane)
    assert lane.room == 512
    throttle(lanes, lane)
    assert lane.room == 1


def test_many_lanes_have_smaller_windows_down_to_four_times() -> None:
    lanes = lanes_of()
    made = [lane_in(lanes, seq) for seq in range(1, 301)]
    assert {lane.room for lane in made} == {2 * 4}
    for lane in made[100:]:
        lanes.remove(lane)
    assert {lane.room for lane in made[:100]} == {2 * 10}
    for lane in made[64:100]:
        lanes.remove(lane)
    assert {lane.room for lane in made[:64]} == {2 * 16}


def test_heavy_bodies_make_the_window_smaller() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    lanes.push(lane, [due(seq, body=bytes(1 << 20)) for seq in range(50)])
    assert lane.capacity == 8
    assert lane.room == 0


def test_more_than_four_times_are_kept_of_light_bodies_only() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    lanes.push(lane, [due(seq, body=bytes(4096)) for seq in range(128)])
    assert 250 <= lane.capacity <= 270
    lanes.push(lane, [due(seq, body=bytes(16_384)) for seq in range(200, 328)])
    assert lane.capacity == 128


def test_a_window_is_read_on_when_half_of_it_is_used() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    prove(lanes, lane)
    give(lanes, lane, *range(257))
    hungry = [lane.hungry]
    lanes.take(0)
    hungry.append(lane.hungry)
    lane.loading = True
    assert [*hungry, lane.hungry] == [False, True, False]


def test_what_is_claimed_is_not_put_at_hand_again() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, 1, 2, 3)
    give(lanes, lane, 1, 2, 3)
    taken = take_all(lanes)
    give(lanes, lane, *taken)
    end(lanes, lane, *taken)
    give(lanes, lane, *taken)
    assert [*taken, *take_all(lanes)] == [1, 2, 3]


def test_a_lane_knows_when_the_store_has_more_for_it() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    lanes.expect(lane, 500)
    lanes.expect(lane, 900)
    assert lane.more_at == lanes.next_at() == 500
    assert not lane.behind(499)
    assert lane.behind(500)
    lanes.expect(lane, 100)
    assert lanes.next_at() == 100


def test_a_lane_that_may_not_send_yet_is_not_looked_at_before_it_may() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    throttle(lanes, lane)
    lanes.expect(lane, 0)
    for now in (0, 1, 4999):
        lanes.due(now)
        lanes.look(lane, now)
        assert lanes.next_at() == 5000


def test_a_full_window_is_not_looked_at_because_the_store_has_more() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, *range(8))
    take_all(lanes)
    give(lanes, lane, *range(10, 21))
    lanes.expect(lane, 0)
    lanes.due(0)
    lanes.look(lane, 0)
    assert lanes.next_at() is None


# --- lanes that go


def test_a_lane_that_was_removed_sends_nothing_and_frees_its_slots_as_its_requests_end() -> None:
    lanes = lanes_of(4)
    lane = lane_in(lanes)
    give(lanes, lane, 1, 2, 3)
    take_all(lanes)
    lanes.expect(lane, 9)
    lanes.remove(lane)
    assert (take_all(lanes), lanes.in_flight, lanes.suspect_in_flight) == ([], 2, 2)
    end(lanes, lane, 1)
    end(lanes, lane, 2, success=False)
    assert (lanes.in_flight, lanes.suspect_in_flight, lanes.get(1)) == (0, 0, None)
    assert lanes.next_at() is None
    assert list(lanes) == []


def test_what_an_earlier_lane_has_in_flight_is_not_sent_by_its_successor() -> None:
    lanes = lanes_of()
    earlier = lane_in(lanes)
    give(lanes, earlier, 1, 2, 3)
    assert take_all(lanes) == [1, 2]
    later = lane_in(lanes)
    give(lanes, later, 1, 2, 3)
    assert take_all(lanes) == [3]
    end(lanes, earlier, 1, 2, success=False)
    give(lanes, later, 1, 2)
    assert take_all(lanes) == []
    assert later.consecutive_failures == 0
    lanes.release(1, 1, 0)
    give(lanes, later, 1)
    assert take_all(lanes) == [1]


def test_claims_outlive_a_lane_that_was_removed_and_end_with_the_last_of_them() -> None:
    lanes = lanes_of()
    earlier = lane_in(lanes)
    give(lanes, earlier, 1, 2)
    assert take_all(lanes) == [1, 2]
    lanes.remove(earlier)
    end(lanes, earlier, 1, 2)
    lanes.release(1, 1, 0)
    later = lane_in(lanes)
    assert later.claims == {2}
    lanes.remove(later)
    lanes.release(1, 2, 0)
    assert lanes._claims == {}


def test_what_was_in_flight_when_others_changed_the_rows_is_read_again_when_recorded() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, 1, 2, 3)
    take_all(lanes)
    lanes.invalidate(lane, 7)
    assert (list(lane.ready), lane.more_at, lane.claims) == ([], 7, {1, 2})
    lane.outdated = False
    end(lanes, lane, 1, 2, now=8)
    for seq, now in ((1, 9), (2, 10)):
        lane.more_at = None
        lanes.release(1, seq, now)
        assert lane.more_at == now
    assert lanes.next_at() == 9


def test_a_halted_lane_sends_nothing_more() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, 1, 2, 3)
    take_all(lanes)
    lanes.halt(lane, 0)
    end(lanes, lane, 1, 2)
    assert (take_all(lanes), lane.room, lane.hungry) == ([], 0, False)
    lanes.due(SLOW_AFTER)
    lanes.look(lane, SLOW_AFTER)
    assert lanes.next_at() is None


def test_a_lane_whose_webhook_was_changed_sends_nothing_until_it_is_up_to_date() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    give(lanes, lane, 1, 2, 3)
    lanes.invalidate(lane, 7)
    give(lanes, lane, 4)
    lanes.look(lane, 7)
    assert (take_all(lanes, 7), lane.room, lane.hungry) == ([], 0, False)
    assert lanes.next_at() is None
    lane.outdated = False
    lanes.look(lane, 7)
    assert take_all(lanes, 7) == [4]
    assert lanes.next_at() == 7


# --- the agenda


def test_somebody_is_told_when_a_lane_has_to_be_looked_at_earlier_than_before() -> None:
    told: list[float | None] = []
    lanes = Lanes(LaneLimits(8, SLOW_AFTER), lambda: told.append(lanes.next_at()))
    first, second = lane_in(lanes, 1), lane_in(lanes, 2)
    lanes.expect(first, 500)
    lanes.expect(second, 900)
    lanes.expect(second, 300)
    lanes.expect(second, 400)
    assert told == [500, 300]
    assert lanes.due(299) == []
    assert lanes.due(500) == [second, first]
    assert lanes.due(900) == []


def test_alarms_that_no_longer_count_do_not_pile_up() -> None:
    lanes = lanes_of()
    lane = lane_in(lanes)
    for _ in range(10_000):
        lane.more_at = None
        lanes.expect(lane, 1_000_000)
        lane.more_at = None
        lanes.expect(lane, 5)
        lanes.due(5)
    assert len(lanes._agenda) < 100


def test_replayed_and_live_deliveries_take_turns_each_in_its_order() -> None:
    at_hand = AtHand()
    for seq in range(1, 4):
        at_hand.append(due(seq)._replace(trigger="replay"))
        at_hand.append(due(seq + 10))
    assert [at_hand.popleft().seq for _ in range(4)] == [11, 1, 12, 2]
    assert at_hand.pop().seq == 3
    assert [each.seq for each in at_hand] == [13]
    assert at_hand.popleft().seq == 13


# --- one after the other


def busy(slots: int = 256, cap: int = 4) -> tuple[Lanes, Lane]:
    """A proven lane with as many requests in flight as it may have, and more at hand."""
    lanes = lanes_of(slots)
    lane = lane_in(lanes, cap=cap)
    prove(lanes, lane)
    give(lanes, lane, *range(100, 120))
    take_all(lanes)
    return lanes, lane


@pytest.mark.parametrize("slots", [7, 8, 256])
def test_the_next_delivery_takes_the_place_of_one_that_succeeded(slots: int) -> None:
    lanes, lane = busy(slots)
    lanes._suspects_turn = False
    in_flight = len(lane.in_flight)
    other = deepcopy(lanes, {id(ENDPOINT): ENDPOINT})  # its key has no copy
    following = lanes.replace(lane, 100, 50)
    assert following is not None
    same = other.get(lane.webhook_seq)
    assert same is not None
    other.finish(same, 100, 50, success=True)
    assert other.take(50) == (same, following)
    for each, its in ((lanes, lane), (other, same)):
        assert (each.in_flight, len(its.in_flight)) == (in_flight, in_flight)
        assert list(its.in_flight)[-1] == following.seq
        assert following.seq in its.claims
        assert each.take(50) is None
    assert (lanes._suspects_turn, list(lane.ready)) == (other._suspects_turn, list(same.ready))


def wants_a_slot(lanes: Lanes, _: Lane) -> None:
    give(lanes, lane_in(lanes, 2), 1)


def is_suspect(lanes: Lanes, lane: Lane) -> None:
    lanes.look(lane, SLOW_AFTER + 50)
    assert lane.suspect


HINDRANCES: dict[str, Callable[[Lanes, Lane], Any]] = {
    "somebody else wants a slot": wants_a_slot,
    "it is suspect": is_suspect,
    "it was taken away": lambda lanes, lane: lanes.remove(lane),
    "its webhook was changed": lambda lanes, lane: lanes.invalidate(lane, 50),
    "it is gone": lambda lanes, lane: lanes.halt(lane, 50),
    "nothing is at hand": lambda _, lane: lane.drop(50),
    "it is paused": lambda lanes, lane: lanes.pause(lane, 60),
    "it has a rate limit": lambda _, lane: setattr(lane, "rate_limit", 1000.0),
    "it has failed since": lambda _, lane: lane.fail(103, 50),
    "its window could grow": lambda _, lane: setattr(lane, "cap", 5),
    "its request is the only one": lambda _, lane: [lane.in_flight.pop(n) for n in (101, 102, 103)],
    "it holds an old request": lambda _, lane: lane.in_flight.update({100: 50 - SLOW_AFTER}),
    "it holds more than are left": lambda lanes, _: setattr(lanes, "_slots", 5),
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
def test_it_does_not_where_more_than_that_would_change(hindrance: str) -> None:
    lanes, lane = busy()
    HINDRANCES[hindrance](lanes, lane)
    before = dict(lane.in_flight), list(lane.ready), lanes.in_flight
    assert lanes.replace(lane, 100, 50) is None
    assert (dict(lane.in_flight), list(lane.ready), lanes.in_flight) == before
