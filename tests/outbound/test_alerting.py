"""Alerting: each way is told once, tries again on its own, and gives up at last."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sendook_lite.domain.alerts import Alert, Channel
from sendook_lite.domain.errors import StoreFailed, Unavailable
from sendook_lite.domain.ids import Ids
from sendook_lite.outbound.alerting import Alerting, Digest, Tell
from sendook_lite.store import alerts as alert_box
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.alerts import BATCH, RETRY_SECONDS
from tests.fakes import FakeClock

CHANNELS: tuple[Channel, ...] = ("log", "webhook", "email")


class Way:
    """Takes alerts, or fails as often as it was told to, or hangs."""

    def __init__(self, *, failures: int = 0, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or Unavailable("x", "the far end is down")
        self.tried: list[str] = []
        self.told: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, alert: Alert) -> None:
        self.tried.append(alert["id"])
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise self.error
        self.told.append(alert["id"])


class Town:
    """A store, a clock, and people to be told."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.ways: dict[Channel, Tell | Digest] = {}
        self.alerting = Alerting(store, {}, clock)

    @asynccontextmanager
    async def running(self, **ways: Tell | Digest) -> AsyncIterator[Alerting]:
        self.alerting = Alerting(self.store, dict(ways), self.clock)  # type: ignore[arg-type] # names of channels
        task = asyncio.create_task(self.alerting.run())
        try:
            yield self.alerting
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def write(self, *identifiers: str, channels: tuple[Channel, ...] = CHANNELS) -> None:
        def insert(tx: Tx) -> None:
            for identifier in identifiers:
                alert = {"id": identifier}
                alert_box.insert(tx, 1, "half_way", alert, channels, self.clock.now())

        await self.store.writer.write(insert)
        self.alerting.alerts_written()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - the writer is a real thread
                await asyncio.sleep(0.001)

    async def rest(self) -> None:
        """Give the writer, which is a real thread, time for what is under way."""
        for _ in range(5):
            await self.store.writer.write(lambda _: None)
            await self.clock.settle()

    async def states(self) -> list[tuple[str, int, int | None, str | None]]:
        rows = await self.store.reader.all(
            "SELECT channel, tries, due_at, error FROM alert_notices ORDER BY alert_seq, channel"
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    clock = FakeClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    yield Town(store, clock)
    await store.close()


async def test_everybody_is_told_once_and_in_order(town: Town) -> None:
    log, webhook, email = Way(), Way(), Way()
    async with town.running(log=log, webhook=webhook, email=email) as alerting:
        await town.write("a", "b", "c")
        await town.until(lambda: alerting.facts()["told"] == 9)
        await town.write("d")
        await town.until(lambda: alerting.facts()["told"] == 12)
        await town.clock.advance(24 * 3600)
    for way in (log, webhook, email):
        assert way.tried == ["a", "b", "c", "d"]
    assert {state[1:] for state in await town.states()} == {(1, None, None)}
    assert alerting.told == Counter(log=4, webhook=4, email=4)
    async with town.running(log=log, webhook=webhook, email=email):
        await town.rest()
    assert len(log.tried) == 4, "a restart repeats nothing"


async def test_what_waited_while_the_process_was_away_is_told(town: Town) -> None:
    await town.write(*(str(number) for number in range(BATCH + 5)))
    log, webhook, email = Way(), Way(), Way()
    async with town.running(log=log, webhook=webhook, email=email):
        await town.until(lambda: len(email.told) == BATCH + 5)
    assert email.told == [str(number) for number in range(BATCH + 5)]


async def test_one_way_that_fails_is_tried_again_and_no_other_is_told_twice(town: Town) -> None:
    log, webhook, email = Way(), Way(failures=2), Way()
    with capture_logs() as logs:
        async with town.running(log=log, webhook=webhook, email=email) as alerting:
            await town.write("a")
            await town.until(lambda: alerting.facts()["told"] == 2)
            await town.until(lambda: len(webhook.tried) == 1)
            await town.rest()
            await town.clock.advance(59.9)
            await town.rest()
            assert len(webhook.tried) == 1, "not before its time"
            await town.clock.advance(0.2)
            await town.until(lambda: len(webhook.tried) == 2)
            await town.rest()
            await town.clock.advance(300.1)
            await town.until(lambda: webhook.told == ["a"])
            await town.rest()
    assert (log.tried, email.tried) == (["a"], ["a"])
    assert await town.states() == [
        ("email", 1, None, None), ("log", 1, None, None), ("webhook", 3, None, None)
    ]  # fmt: skip
    assert [line["log_level"] for line in logs] == ["warning", "warning"]
    assert logs[0]["reason"] == "the far end is down"


async def test_after_five_tries_it_is_given_up_with_an_error_in_the_log(town: Town) -> None:
    email = Way(failures=99)
    tried_at = []
    with capture_logs() as logs:
        async with town.running(email=email) as alerting:
            await town.write("a", channels=("email",))
            for tries in range(1, 6):
                await town.until(lambda tries=tries: len(email.tried) == tries)  # type: ignore[misc] # bound at once
                await town.rest()
                tried_at.append(town.clock.elapsed)
                if tries <= len(RETRY_SECONDS):
                    await town.clock.advance(RETRY_SECONDS[tries - 1] + 0.01)
            await town.clock.advance(7 * 24 * 3600)
            await town.rest()
            assert alerting.facts()["givenUp"] == 1
    assert len(email.tried) == 5
    assert [round(at) for at in tried_at] == [0, 60, 360, 2160, 9360]
    assert [line["log_level"] for line in logs] == ["warning"] * 4 + ["error"]
    assert await town.states() == [("email", 5, None, "the far end is down")]


async def test_a_retry_survives_a_restart(town: Town) -> None:
    email = Way(failures=1)
    async with town.running(email=email):
        await town.write("a", channels=("email",))
        await town.until(lambda: len(email.tried) == 1)
        await town.rest()
    async with town.running(email=email):
        await town.rest()
        assert len(email.tried) == 1
        await town.clock.advance(60.1)
        await town.until(lambda: email.told == ["a"])


async def test_a_clock_that_was_set_back_puts_no_alert_off_for_long(town: Town) -> None:
    await town.write("a", channels=("log",))
    town.clock.wall -= 365 * 24 * 3_600_000
    log = Way()
    async with town.running(log=log):
        await town.rest()
        await town.clock.advance(RETRY_SECONDS[-1] + 0.1)
        await town.until(lambda: log.told == ["a"])


async def test_what_was_under_way_when_the_process_died_is_told_again(town: Town) -> None:
    webhook = Way()
    webhook.open.clear()
    async with town.running(webhook=webhook):
        await town.write("a", channels=("webhook",))
        await town.until(lambda: webhook.tried == ["a"])
    webhook.open.set()
    async with town.running(webhook=webhook):
        await town.until(lambda: webhook.told == ["a"])
        await town.rest()
    assert webhook.tried == ["a", "a"]


async def test_a_way_that_hangs_delays_no_other(town: Town) -> None:
    log, webhook = Way(), Way()
    webhook.open.clear()
    async with town.running(log=log, webhook=webhook):
        await town.write("a", channels=("log", "webhook"))
        await town.until(lambda: webhook.tried == ["a"])
        await town.write("b", channels=("log", "webhook"))
        await town.until(lambda: log.told == ["a", "b"])
        assert webhook.told == []


async def test_a_way_that_is_configured_no_more_is_given_up_at_the_start(town: Town) -> None:
    await town.write("a")
    log = Way()
    with capture_logs() as logs:
        async with town.running(log=log):
            await town.until(lambda: log.told == ["a"])
            await town.rest()
    assert logs[0]["count"] == 2
    assert [state[2] for state in await town.states()] == [None] * 3


async def test_a_defect_in_one_alert_stops_no_other(town: Town) -> None:
    log = Way(failures=1, error=KeyError("x"))
    with capture_logs():
        async with town.running(log=log):
            await town.write("a", "b", channels=("log",))
            await town.until(lambda: log.told == ["b"])


async def test_what_was_told_is_noted_although_the_store_fails_for_a_while(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Way()
    failures = 3
    note_told = alert_box.note_told

    def note_or_fail(tx: Tx, notice: alert_box.Notice) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreFailed("disk full")
        note_told(tx, notice)

    monkeypatch.setattr(alert_box, "note_told", note_or_fail)
    async with town.running(log=log):
        await town.write("a", channels=("log",))
        for left in (2, 1, 0):
            await town.until(lambda left=left: failures == left)  # type: ignore[misc] # bound at once
            await town.rest()
            await town.clock.advance(1.1)
        await town.rest()
        await town.until(lambda: log.tried == ["a"])
    assert await town.states() == [("log", 1, None, None)]
    assert log.tried == ["a"]


async def test_an_outage_of_a_thousand_webhooks_is_a_few_mails_each_alert_told_once(
    town: Town,
) -> None:
    mails: list[list[str]] = []

    async def tell(alerts: Sequence[Alert]) -> None:
        mails.append([alert["id"] for alert in alerts])

    names = [f"alert_{number}" for number in range(1000)]
    async with town.running(email=Digest(tell, most=500)):
        await town.write("first", channels=("email",))
        await town.until(lambda: mails == [["first"]])
        await town.write(*names, channels=("email",))
        await town.rest()
        await town.clock.advance(59.9)
        await town.rest()
        assert len(mails) == 1, "the next mail waits until a minute has passed"
        for count in (2, 3):
            await town.clock.advance(60.1)
            await town.until(lambda count=count: len(mails) == count)  # type: ignore[misc] # bound at once
            await town.rest()
        assert town.alerting.told["email"] == 1001
    assert [name for mail in mails[1:] for name in mail] == names
    assert set(await town.states()) == {("email", 1, None, None)}


async def test_a_mail_of_several_alerts_that_fails_is_tried_again_with_all_of_them(
    town: Town,
) -> None:
    mails: list[int] = []

    async def tell(alerts: Sequence[Alert]) -> None:
        mails.append(len(alerts))
        if len(mails) == 1:
            raise Unavailable("x", "the far end is down")

    await town.write("a", "b", "c", channels=("email",))
    async with town.running(email=Digest(tell)):
        await town.until(lambda: mails == [3])
        await town.rest()
        await town.clock.advance(60.1)
        await town.until(lambda: mails == [3, 3])
        await town.rest()
    assert set(await town.states()) == {("email", 2, None, None)}


async def test_alerts_are_kept_for_thirty_days_and_go_with_all_that_was_noted(town: Town) -> None:
    await town.write("a", "b", "c", channels=("log",))
    town.clock.wall += 30 * 24 * 3_600_000
    await town.write("d", channels=("log",))
    assert not await town.store.writer.write(alert_box.remove_old, 2)
    town.clock.wall += 1
    assert await town.store.writer.write(alert_box.remove_old, 2)
    assert await town.store.writer.write(alert_box.remove_old, 2)
    assert not await town.store.writer.write(alert_box.remove_old, 2)
    rows = await town.store.reader.all("SELECT body FROM alerts ORDER BY seq")
    assert [row[0] for row in rows] == ['{"id": "d"}']
    assert len(await town.states()) == 1


async def test_the_counts_of_webhooks_are_brought_up_to_date(town: Town) -> None:
    def add(tx: Tx) -> None:
        for status, alerted in (("enabled", "half_way"), ("enabled", None), ("disabled", None)):
            tx.execute(
                "INSERT INTO webhooks (id, url, events, status, alerted, created_at, updated_at)"
                " VALUES (?, 'x', '[]', ?, ?, 1, 1)",
                (tx.ids.new("wh"), status, alerted),
            )

    async with town.running() as alerting:
        await town.rest()
        assert alerting.facts()["disabledWebhooks"] == 0
        await town.store.writer.write(add)
        await town.clock.advance(60.1)
        await town.until(lambda: alerting.facts()["disabledWebhooks"] == 1)
        assert alerting.facts()["failingWebhooks"] == 1
