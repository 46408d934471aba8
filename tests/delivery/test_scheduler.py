"""The scheduler over a real store: every row is delivered, on time, once, whatever happens."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sendook_lite.delivery import roster
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import DueDelivery
from sendook_lite.domain.outcome import Outcome
from sendook_lite.store.database import Store
from tests.delivery.far_end import DOWN, HANG, OK, Answer, House, answered
from tests.fakes import START, FakeClock

Make = Callable[..., Awaitable[House]]


@pytest.fixture
async def make_house(tmp_path: Path) -> AsyncIterator[Make]:
    clock = FakeClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    houses = []

    async def make(**settings: Any) -> House:
        house = House(store, clock, **settings)
        houses.append(house)
        await house.start()
        return house

    yield make
    for house in houses:
        await house.kill()
    await store.close()


@pytest.fixture
async def house(make_house: Make) -> House:
    return await make_house()


# --- the way of a delivery


async def test_what_is_offered_is_sent_and_recorded(house: House) -> None:
    await house.webhook()
    (published,) = await house.publish()
    (sent,) = house.far.sent
    assert (sent.event, sent.attempt) == (published.event.id, 1)
    assert await house.states() == ["delivered"]
    assert await house.rows("SELECT number, status, trigger, created_at FROM attempts") == [
        (1, 200, "scheduled", START)
    ]


async def test_retries_follow_the_schedule_to_the_millisecond_and_end_with_it(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish()
    for seconds in (4.999, 0.001, 24.999, 0.001, 124.999, 0.001, 3600):
        await house.sleep(seconds)
    assert house.far.times() == [0, 5, 30, 155]
    assert [each.attempt for each in house.far.sent] == [1, 2, 3, 4]
    assert len({(each.event, each.delivery) for each in house.far.sent}) == 1
    assert await house.states() == ["failed"]


async def test_a_retry_waits_from_the_end_of_the_attempt(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish()
    await house.sleep(10.0005)
    house.far.release(DOWN)
    await house.rest()
    await house.sleep(5.0004)
    assert len(house.far.sent) == 1
    await house.sleep(0.001)
    assert len(house.far.sent) == 2


async def test_a_webhook_may_have_a_schedule_of_its_own(house: House) -> None:
    await house.webhook(retry_schedule=(0.5,))
    house.far.answers["/in"] = DOWN
    await house.publish()
    await house.sleep(60)
    assert house.far.times() == [0, 0.5]


async def test_a_webhook_that_was_just_made_is_served_at_once(house: House) -> None:
    made = house.endpoints.create({"url": "https://hooks.example/in", "events": EVENTS})
    await made
    await house.publish()
    assert await house.states() == ["delivered"]


EVENTS = ["message.received"]


async def test_a_webhook_gets_its_lane_while_events_come_in_all_the_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = house.store.writer.write
    published: list[Any] = []

    async def and_publish(work: Callable[..., Any], *args: Any) -> Any:
        done = await write(work, *args)
        if work is roster._load and len(published) < 50:
            published.append(await write(house._publish))
            house.publisher.announce(published[-1])
        return done

    monkeypatch.setattr(house.store.writer, "write", and_publish)
    await house.webhook()
    assert len(published) == 1
    assert await house.states() == ["delivered"]  # though it came after the webhook was read


async def test_one_event_goes_to_every_webhook_that_wants_it(house: House) -> None:
    for n in range(5):
        await house.webhook(f"/{n}")
    await house.publish()
    assert sorted(house.far.paths()) == ["/0", "/1", "/2", "/3", "/4"]


async def test_a_test_goes_out_at_once_beside_the_lane(house: House) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = DOWN
    attempt, success = await house.endpoints.test(webhook.id)
    assert (attempt.status, success) == (500, False)
    await house.sleep(60)
    assert len(house.far.sent) == 1


# --- backlog


async def test_a_backlog_is_sent_once_each_in_the_order_it_was_due(house: House) -> None:
    await house.webhook()
    await house.kill()
    published = await house.publish(1000, offer=False)
    await house.restart()
    await house.until(lambda: len(house.far.sent) == 1000)
    await house.rest()
    place = {each.event.id: n for n, each in enumerate(published)}
    order = [place[each.event] for each in house.far.sent]
    assert sorted(order) == list(range(1000))
    # What is in flight together may start in any order, nothing may start out of its time.
    assert all(abs(n - m) < 32 for n, m in enumerate(order))
    assert set(await house.states()) == {"delivered"}
    assert house.far.most_in_flight == 32


async def test_what_does_not_fit_the_window_is_read_back_and_nothing_is_sent_twice(
    house: House,
) -> None:
    await house.webhook("/a")
    await house.webhook("/b")

    async def publish_some() -> None:
        for _ in range(20):
            await house.publish(10)

    await asyncio.gather(*(publish_some() for _ in range(3)))
    await house.until(lambda: len(house.far.sent) >= 1200)
    await house.rest()
    assert len(house.far.sent) == 1200
    assert len({each.delivery for each in house.far.sent}) == 1200
    assert set(await house.states()) == {"delivered"}


async def test_the_backlog_in_memory_does_not_grow_with_the_one_in_the_store(
    house: House,
) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(500)
    lane = house.scheduler._lanes.get(webhook.seq)
    assert lane is not None
    assert len(house.far.sent) == 2
    assert len(lane.ready) == 32


@pytest.mark.parametrize(("most", "per_webhook", "seen"), [(8, 3, 3), (256, 5, 5), (20, 32, 11)])
async def test_the_limits_of_the_settings_hold(
    make_house: Make, most: int, per_webhook: int, seen: int
) -> None:
    house = await make_house(max_in_flight=most, max_in_flight_per_webhook=per_webhook)
    await house.webhook()
    await house.publish(100)
    await house.until(lambda: len(house.far.sent) == 100)
    assert house.far.most_in_flight == seen


# --- restarts and clocks


async def test_a_restart_finds_what_is_due_and_what_is_due_later(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish()
    await house.sleep(2)
    await house.publish(1, offer=False)
    await house.restart()
    assert house.far.times() == [2]
    await house.sleep(2.999)
    assert house.far.times() == [2]
    await house.sleep(0.001)
    assert house.far.times() == [2, 5]


async def test_after_a_kill_only_what_was_in_flight_is_sent_again(house: House) -> None:
    await house.webhook()
    await house.publish(5)
    house.far.answers["/in"] = HANG
    published = await house.publish(3)
    assert len(house.far.sent) == 8
    house.far.answers = {}
    await house.restart()
    await house.until(lambda: len(house.far.sent) == 3)
    assert [each.event for each in house.far.sent] == [each.event.id for each in published]


async def test_a_restart_remembers_that_a_lane_was_throttled(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish(5)
    await house.kill()
    await house.publish(5, offer=False)
    await house.restart()
    assert house.scheduler.facts()["throttledLanes"] == 1
    assert len(house.far.sent) == 1


@pytest.mark.parametrize("step", [-3_600_000, 3_600_000])
async def test_a_step_of_the_wall_clock_makes_no_retry_early_or_late(
    house: House, step: int
) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish()
    house.clock.wall += step
    await house.sleep(4.999)
    assert house.far.times() == [0]
    await house.sleep(0.001)
    assert house.far.times() == [0, 5]


async def test_a_clock_that_was_set_back_before_the_start_delays_by_the_delay_only(
    house: House,
) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish()
    await house.kill()
    house.clock.wall -= 24 * 3600 * 1000
    with capture_logs() as logs:
        await house.restart()
    assert [each["deliveries"] for each in logs] == [1]
    await house.sleep(4.999)
    assert house.far.sent == []
    await house.sleep(0.001)
    assert len(house.far.sent) == 1


# --- waking up


class CountingClock(FakeClock):
    """Counts how often somebody went to wait."""

    waits = 0

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        self.waits += 1
        return await super().wait(signal, seconds)


async def test_an_idle_scheduler_sleeps(tmp_path: Path) -> None:
    clock = CountingClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    house = House(store, clock)
    await house.start()
    await house.webhook("/ok")
    await house.webhook("/down", retry_schedule=(7200.0,))
    house.far.answers["/down"] = DOWN
    await house.publish()
    await house.sleep(10)
    before = clock.waits
    await house.sleep(1800)
    assert clock.waits == before
    assert await house.states() == ["delivered", "pending"]
    await house.kill()
    await store.close()


async def test_waiting_for_a_probe_takes_no_wakes_although_the_store_has_more(
    tmp_path: Path,
) -> None:
    clock = CountingClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    house = House(store, clock, retry_schedule=(600.0,))
    await house.start()
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish(30)
    before = clock.waits
    await house.sleep(599)
    assert len(house.far.sent) in (5, 6)
    assert clock.waits - before <= 2
    await house.kill()
    await store.close()


# --- outcomes


async def test_gone_disables_the_webhook_and_stops_its_lane_at_once(house: House) -> None:
    webhook = await house.webhook()
    await house.publish(1)
    house.far.answers["/in"] = HANG
    await house.publish(50)
    hanging = [each for each in house.far.sent if not each.answer.done() and each.attempt == 1][1:]
    sent = len(house.far.sent)
    hanging[0].answer.set_result(answered(410))
    await house.rest()
    assert len(house.far.sent) == sent
    disabled = await house.endpoints.get(webhook.id)
    assert (disabled.status, disabled.disabled_reason) == ("disabled", "gone")
    house.far.release(DOWN)
    await house.keep_up()
    await house.sleep(600)
    assert len(house.far.sent) == sent
    states = await house.states()
    assert (states.count("delivered"), states.count("failed")) == (1, 1)
    assert states.count("canceled") == 49
    assert house.scheduler.facts()["lanes"] == 0
    assert house.scheduler._lanes._claims == {}


async def test_gone_stops_the_lane_although_the_store_cannot_record_it(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(10)
    async with house.broken_store():
        house.far.sent[0].answer.set_result(answered(410))
        await house.clock.settle()
        house.far.sent[1].answer.set_result(OK)
        await house.until(lambda: house.store.writer.failure is not None)
        await house.clock.settle()
    assert len(house.far.sent) == 2
    await house.sleep(5)
    assert len(house.far.sent) == 2
    assert house.scheduler.facts()["lanes"] == 0


async def test_gone_from_where_the_webhook_no_longer_leads_does_not_disable_it(
    house: House,
) -> None:
    webhook = await house.webhook("/old")
    house.far.answers["/old"] = HANG
    await house.publish(1)
    await house.endpoints.change(webhook.id, {"url": "https://hooks.example/new"})
    house.far.release(answered(410))
    await house.rest()
    await house.publish(1)
    assert (await house.endpoints.get(webhook.id)).status == "enabled"
    assert house.far.paths() == ["/old", "/new"]


async def test_a_webhook_that_was_gone_can_be_enabled_again(house: House) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = answered(410)
    await house.publish()
    house.far.answers["/in"] = OK
    await house.endpoints.change(webhook.id, {"status": "enabled"})
    await house.publish()
    assert await house.states() == ["failed", "delivered"]


async def test_retry_after_puts_off_its_delivery_and_a_429_the_whole_lane(house: House) -> None:
    await house.webhook("/busy")
    await house.webhook("/down")
    house.far.answers["/busy"] = answered(429, "60")
    house.far.answers["/down"] = answered(503, "60")
    await house.publish()
    house.far.answers = {}
    await house.publish()
    assert house.far.paths() == ["/busy", "/down", "/down"]
    await house.sleep(59.999)
    assert len(house.far.sent) == 3
    await house.sleep(0.001)
    assert sorted(house.far.paths()[3:]) == ["/busy", "/busy", "/down"]


async def test_a_blocked_address_is_not_tried_again(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = Outcome(None, "blocked_address", "may not go there", b"", 0)
    await house.publish()
    await house.sleep(600)
    assert len(house.far.sent) == 1
    assert await house.states() == ["failed"]


async def test_a_bug_at_the_end_of_an_attempt_is_logged_without_the_endpoint(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.webhook()

    def break_down(_: object) -> None:
        raise ValueError("a bug of ours")

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
    monkeypatch.setattr(house.scheduler._recorder, "add", break_down)
    with capture_logs() as logs:
        (published,) = await house.publish()
    assert [(each["event"], each["delivery"]) for each in logs] == [
        ("the end of an attempt broke", published.fresh[0].id)
    ]
    assert complaints == []


async def test_slow_answers_are_counted_and_told_once(house: House) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = Outcome(200, None, None, b"", 5000.0)
    with capture_logs() as logs:
        await house.publish(3)
    assert [(each["event"], each["webhook"], each["seconds"]) for each in logs] == [
        ("an endpoint answers slowly", webhook.id, 5.0)
    ]
    assert house.scheduler.facts()["slowAnswers"] == 3
    house.far.answers["/in"] = Outcome(200, None, None, b"", 4999.0)
    await house.publish(1)
    assert house.scheduler.facts()["slowAnswers"] == 3


# --- lanes


async def test_a_dead_endpoint_is_probed_and_opened_by_its_first_success(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish(40)
    await house.sleep(80)
    times = house.far.times()
    probes = [at for at in times if at > 0]
    assert probes == [5, 15, 35, 75]
    house.far.answers["/in"] = OK
    await house.sleep(80)
    await house.until(lambda: not house.scheduler.facts()["inFlight"])
    assert set(await house.states()) == {"delivered"}


async def test_endpoints_that_hang_or_fail_cost_the_others_nothing(make_house: Make) -> None:
    house = await make_house(max_in_flight=16)
    await house.webhook("/ok")
    await house.publish()
    for n in range(10):
        await house.webhook(f"/hang/{n}")
        await house.webhook(f"/down/{n}")
        house.far.answers[f"/hang/{n}"] = HANG
        house.far.answers[f"/down/{n}"] = DOWN
    for expected in (31, 61, 91):
        await house.publish(30)
        await house.until(lambda: house.far.paths().count("/ok") == expected)  # noqa: B023 - awaited
        assert house.scheduler.facts()["suspectInFlight"] == 8
        house.far.release(DOWN)
        await house.sleep(15)


async def test_a_rate_limit_holds(house: House) -> None:
    await house.webhook(rate_limit=4.0)
    await house.publish(20)
    await house.sleep(10)
    assert house.far.times() == [n / 4 for n in range(20)]


# --- changes while deliveries wait or are in flight


async def test_a_disabled_webhook_is_sent_nothing_more_nor_what_was_canceled_meanwhile(
    house: House,
) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(20)
    await house.endpoints.change(webhook.id, {"status": "disabled"})
    await house.rest()
    house.far.answers = {}
    house.far.release(DOWN)
    await house.sleep(10)
    assert len(house.far.sent) == 2
    await house.endpoints.change(webhook.id, {"status": "enabled"})
    await house.rest()
    await house.publish(2)
    await house.keep_up()
    assert len(house.far.sent) == 4
    assert await house.states() == ["canceled"] * 20 + ["delivered"] * 2


async def test_disabled_and_enabled_in_one_breath_nothing_canceled_is_sent(house: House) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(20)
    await asyncio.gather(
        house.endpoints.change(webhook.id, {"status": "disabled"}),
        house.endpoints.change(webhook.id, {"status": "enabled"}),
    )
    house.far.answers = {}
    house.far.release(OK)
    await house.rest()
    await house.keep_up()
    assert len(house.far.sent) == 2
    await house.publish(1)
    assert await house.states() == ["delivered"] * 2 + ["canceled"] * 18 + ["delivered"]


async def test_a_request_that_ends_right_after_a_change_is_followed_by_none_as_before(
    house: House,
) -> None:
    webhook = await house.webhook("/old")
    house.far.answers["/old"] = HANG
    await house.publish(20)
    await house.endpoints.change(webhook.id, {"url": "https://hooks.example/new"})
    house.far.answers["/old"] = OK
    house.far.release(OK)
    await house.rest()
    assert house.far.paths() == ["/old"] * 2 + ["/new"] * 18


async def test_enabling_in_one_breath_opens_a_throttled_lane(house: House) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish(6)
    assert house.scheduler.facts()["throttledLanes"] == 1
    await asyncio.gather(
        house.endpoints.change(webhook.id, {"status": "disabled"}),
        house.endpoints.change(webhook.id, {"status": "enabled"}),
    )
    await house.rest()
    house.far.answers = {}
    sent = len(house.far.sent)
    await house.publish(2)
    assert len(house.far.sent) - sent == 2


async def test_a_deleted_webhook_is_sent_nothing_more(house: House) -> None:
    webhook = await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(20)
    await house.endpoints.delete(webhook.id)
    await house.keep_up()
    house.far.release(DOWN)
    await house.sleep(10)
    assert len(house.far.sent) == 2
    assert house.scheduler.facts() == {
        "inFlight": 0,
        "suspectInFlight": 0,
        "lanes": 0,
        "throttledLanes": 0,
        "slowAnswers": 0,
        "unsettled": 0,
    }


async def test_a_new_url_starts_over_and_what_is_in_flight_is_not_sent_there(
    house: House,
) -> None:
    webhook = await house.webhook("/old")
    house.far.answers["/old"] = HANG
    await house.publish(4)
    await house.endpoints.change(webhook.id, {"url": "https://hooks.example/new"})
    await house.rest()
    assert house.far.paths() == ["/old", "/old", "/new", "/new"]
    house.far.release(DOWN)
    await house.rest()
    await house.sleep(5)
    assert house.far.paths() == ["/old", "/old", "/new", "/new", "/new", "/new"]
    assert await house.states() == ["delivered"] * 4


async def test_a_rotated_secret_signs_from_the_next_request_on(house: House) -> None:
    webhook = await house.webhook()
    await house.publish()
    await house.endpoints.rotate_secret(webhook.id, 3600)
    await house.rest()
    await house.publish()
    assert [len(each.keys) for each in house.far.sent] == [1, 2]


async def test_a_changed_schedule_and_rate_hold_from_the_next_attempt_on(house: House) -> None:
    webhook = await house.webhook()
    await house.endpoints.change(webhook.id, {"retry_schedule": [1.0], "rate_limit": 1.0})
    house.far.answers["/in"] = DOWN
    await house.publish(2)
    await house.sleep(10)
    assert house.far.times() == [0, 1, 2, 3]


@pytest.mark.parametrize("outcome", [OK, DOWN])
async def test_what_is_reopened_while_it_is_in_flight_is_attempted_again_afterwards(
    house: House, outcome: Answer
) -> None:
    await house.webhook()
    house.far.answers["/in"] = HANG
    (published,) = await house.publish()
    await house.retry(published)
    assert len(house.far.sent) == 1
    house.far.answers = {}
    assert isinstance(outcome, Outcome)
    house.far.release(outcome)
    await house.rest()
    assert [each.attempt for each in house.far.sent] == [1, 2]
    assert await house.states() == ["delivered"]
    await house.sleep(600)
    assert len(house.far.sent) == 2


async def test_what_is_reopened_while_it_waits_is_sent_as_it_is_now(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    (published,) = await house.publish()
    await house.retry(published)
    await house.sleep(600)
    assert house.far.times() == [0, 0]
    assert await house.states() == ["failed"]


async def test_a_webhook_that_cannot_be_used_does_not_stop_the_others(house: House) -> None:
    await house.webhook("/ok")
    with capture_logs() as logs:
        bad = await house.webhook("/unusable")
        await house.publish()
    assert house.far.paths() == ["/ok"]
    assert {each["webhook"] for each in logs} == {bad.id}
    with capture_logs():
        await house.restart()
    await house.publish()
    assert house.far.paths() == ["/ok"]


# --- a store that fails


async def test_while_the_store_fails_nothing_is_sent_and_no_outcome_is_lost(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = HANG
    published = await house.publish(10)
    async with house.broken_store():
        house.far.sent[0].answer.set_result(OK)
        await house.until(lambda: house.store.writer.failure is not None)
        sent = len(house.far.sent)
        house.far.release(OK)
        for _ in range(5):
            await house.clock.advance(1)
            await asyncio.sleep(0.02)
        assert len(house.far.sent) == sent < 10
        assert house.scheduler.facts()["unsettled"] == sent
        house.far.answers = {}
    await house.sleep(3)
    await house.until(lambda: len(house.far.sent) == 10)
    await house.rest()
    assert {each.event for each in house.far.sent} == {each.event.id for each in published}
    assert set(await house.states()) == {"delivered"}
    assert await house.attempts() == 10


async def test_a_failure_that_nobody_here_met_does_not_stall_what_waits(house: House) -> None:
    """The store fails for others, works again before anybody tells, and nothing is in flight."""
    await house.webhook()
    published = await house.publish(1, offer=False)
    async with house.broken_store():
        with pytest.raises(Exception, match="locked"):
            await house.store.writer.write(lambda _: None)
        house.publisher.announce(*published)
        await house.clock.settle()
        assert house.far.sent == []
    await house.sleep(3)
    assert await house.states() == ["delivered"]


async def test_a_webhook_that_changes_while_the_store_fails_is_reloaded_afterwards(
    house: House,
) -> None:
    webhook = await house.webhook("/old")
    await house.endpoints.change(webhook.id, {"url": "https://hooks.example/new"})
    async with house.broken_store():
        await asyncio.sleep(0.05)
        await house.clock.advance(1)
    await house.sleep(3)
    await house.publish()
    assert house.far.paths() == ["/new"]


async def test_a_backlog_that_cannot_be_read_is_read_later(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish()
    house.far.answers = {}
    await house.store.snapshots.close()
    for _ in range(7):
        await house.clock.advance(1)
        await house.clock.settle()
    assert len(house.far.sent) == 1
    await house.store.snapshots.open()
    await house.sleep(3)
    assert await house.states() == ["delivered"]


async def test_what_is_published_while_a_read_fails_is_read_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await house.webhook()
    await house.publish(1, offer=False)
    gate = asyncio.Event()

    async def fail_slowly(*_: Any) -> Any:
        await gate.wait()
        raise StoreFailed("the file cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(house.store.snapshots, "read", fail_slowly)
        house.scheduler.webhook_changed(webhook.seq)
        await house.store.writer.write(lambda _: None)
        await house.clock.settle()
        event = await house.store.writer.write(house._publish)
        house.publisher.announce(event)
        await house.clock.settle()
        gate.set()
        await house.clock.settle()
    assert house.far.sent == []
    await house.sleep(3)
    assert await house.states() == ["delivered", "delivered"]


async def test_what_is_read_while_nothing_can_be_recorded_is_sent_once(house: House) -> None:
    """Others can be kept from writing by a program that locks the file, not from reading."""
    await house.webhook()
    house.far.answers["/in"] = DOWN
    await house.publish(4)
    house.far.answers = {}
    async with house.broken_store():
        for _ in range(12):
            await house.clock.advance(1)
            await asyncio.sleep(0.02)
        assert house.scheduler.facts()["unsettled"] == len(house.far.sent) - 4
    await house.sleep(12)
    assert set(await house.states()) == {"delivered"}
    assert len(house.far.sent) == 8
    assert {each.attempt for each in house.far.sent} == {1, 2}


async def test_what_was_read_before_its_webhook_changed_is_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await house.webhook()
    await house.publish(3, offer=False)
    gate, read = asyncio.Event(), house.store.snapshots.read

    async def read_slowly(*args: Any) -> Any:
        found = await read(*args)
        await gate.wait()
        return found

    monkeypatch.setattr(house.store.snapshots, "read", read_slowly)
    house.scheduler.webhook_changed(webhook.seq)
    await house.store.writer.write(lambda _: None)
    await house.clock.settle()
    canceled = "UPDATE deliveries SET status = 'canceled', due_at = NULL WHERE seq < 3"
    await house.store.writer.write(lambda tx: tx.execute(canceled).close())
    house.scheduler.webhook_changed(webhook.seq)
    await house.store.writer.write(lambda _: None)
    await house.clock.settle()
    gate.set()
    monkeypatch.undo()
    await house.until(lambda: bool(house.far.sent))
    await house.rest()
    assert await house.states() == ["canceled", "canceled", "delivered"]
    assert len(house.far.sent) == 1


async def test_an_outcome_that_cannot_be_recorded_does_not_keep_the_others_from_it(
    house: House,
) -> None:
    await house.webhook()

    def strange_first(delivery: DueDelivery) -> Answer:
        first = delivery.event_id == published[0].event.id
        return Outcome(2**70 if first else 200, None, None, b"", 1.0)

    house.far.answers["/in"] = strange_first
    with capture_logs() as logs:
        published = await house.publish(5, offer=False)
        house.publisher.announce(*published)
        await house.rest()
        await house.sleep(10)
    assert [each["event"] for each in logs][:2] == [
        "outcomes cannot be recorded together",
        "an outcome cannot be recorded",
    ]
    assert await house.states() == ["pending"] + ["delivered"] * 4
    assert len(house.far.sent) == 5
    assert house.scheduler.facts()["unsettled"] == 0


async def test_nothing_new_is_sent_while_1024_outcomes_wait_for_their_commit(house: House) -> None:
    await house.webhook()
    await house.publish(40)
    published = await house.publish(1400, offer=False)
    before = len(house.far.sent)
    go_on = threading.Event()
    held = asyncio.ensure_future(house.store.writer.write(lambda _: go_on.wait(20)))
    try:
        for start in range(0, 1400, 20):
            house.publisher.announce(*published[start : start + 20])
            await house.clock.settle()
        assert house.scheduler.facts()["unsettled"] == 1024
        assert len(house.far.sent) - before == 1024
    finally:
        go_on.set()
    await held
    await house.until(lambda: len(house.far.sent) - before == 1400)
    await house.rest()
    assert set(await house.states()) == {"delivered"}
    assert await house.attempts() == 1440


async def test_outcomes_that_pile_up_are_recorded_in_units_of_256(house: House) -> None:
    await house.webhook()
    await house.publish(40)
    published = await house.publish(600, offer=False)
    go_on = threading.Event()
    held = asyncio.ensure_future(house.store.writer.write(lambda _: go_on.wait(20)))
    batches: list[int] = []
    recorded = house.scheduler._recorder._recorded

    def count(settled: Any) -> None:
        batches.append(len(settled))
        recorded(settled)

    house.scheduler._recorder._recorded = count
    for start in range(0, 600, 20):
        house.publisher.announce(*published[start : start + 20])
        await house.clock.settle()
    go_on.set()
    await held
    await house.until(lambda: sum(batches) == 600)
    assert max(batches) == 256


# --- the end


async def test_draining_lets_requests_end_and_records_them(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(5)
    draining = asyncio.ensure_future(house.scheduler.drain(15))
    await house.rest()
    assert not draining.done()
    house.far.release(OK)
    await draining
    assert len(house.far.sent) == 2
    assert house.far.closed
    assert await house.states() == ["delivered"] * 2 + ["pending"] * 3


async def test_draining_gives_up_on_what_hangs_which_stays_due(house: House) -> None:
    await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(1)
    draining = asyncio.ensure_future(house.scheduler.drain(15))
    await house.rest()
    await house.sleep(14.9)
    assert not draining.done()
    await house.sleep(0.1)
    await draining
    assert await house.states() == ["pending"]
    house.far.answers = {}
    await house.restart()
    assert await house.states() == ["delivered"]


async def test_draining_an_idle_scheduler_ends_at_once_also_with_a_broken_store(
    house: House,
) -> None:
    await house.webhook()
    house.far.answers["/in"] = HANG
    await house.publish(1)
    async with house.broken_store():
        house.far.release(OK)
        await house.until(lambda: house.store.writer.failure is not None)
        await house.scheduler.drain(15)
    assert await house.states() == ["pending"]


async def test_after_draining_nothing_is_sent(house: House) -> None:
    await house.webhook()
    await house.scheduler.drain(1)
    await house.publish(3)
    await house.sleep(10)
    assert house.far.sent == []
