"""Batches of lines that wait for the writer share a unit of work, and nothing else."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sendook_lite.domain.errors import SendookError, StoreFailed
from sendook_lite.domain.model import NewEvent
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.event_lines import LINES_PER_UNIT, Line, MailLine, OutcomeLine
from sendook_lite.usecases.reports import ReportedOutcome, Reports
from tests.inbound.conftest import House

MAIL = b"Subject: x\r\n\r\n" + b"y" * 200_000
BROKEN = "9.9.9"


def line(status: str = "2.0.0") -> OutcomeLine:
    return OutcomeLine(
        ReportedOutcome("message.delivered", "b@y.example", sender="a@x.example", status=status)
    )


class Units:
    """Watches what is stored with which, while the writer is kept busy."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house = house
        self.sizes: list[int] = []
        store = house.lines._store_in_order

        def watched(tx: Tx, lines: Sequence[Line]) -> Any:
            self.sizes.append(len(lines))
            return store(tx, lines)

        monkeypatch.setattr(house.lines, "_store_in_order", watched)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the writer, so that all that is submitted meanwhile waits."""
        go_on = threading.Event()
        busy = asyncio.ensure_future(self.house.store.writer.write(lambda _: go_on.wait(20)))
        await asyncio.sleep(0.02)
        yield
        go_on.set()
        await busy


@pytest.fixture
def units(house: House, monkeypatch: pytest.MonkeyPatch) -> Units:
    return Units(house, monkeypatch)


async def test_batches_that_wait_share_a_unit_and_are_answered_apart(units: Units) -> None:
    async with units.held():
        batches = [units.house.lines.submit([line(), line()]) for _ in range(3)]
    told = [await batch for batch in batches]
    assert units.sizes == [6]
    stored = [body["eventId"] for body in await units.house.bodies()]
    assert [each["eventId"] for batch in told for each in batch if isinstance(each, dict)] == stored
    assert [len(batch) for batch in told] == [2, 2, 2]


async def test_a_unit_has_its_bounds(units: Units) -> None:
    size = LINES_PER_UNIT // 2 - 1
    async with units.held():
        batches = [units.house.lines.submit([line()] * size) for _ in range(3)]
    assert [len(await batch) for batch in batches] == [size] * 3
    assert units.sizes == [2 * size, size]


async def test_a_batch_that_is_larger_than_that_is_stored_all_the_same(units: Units) -> None:
    told = await units.house.lines.submit([line()] * (LINES_PER_UNIT + 1))
    assert len(told) == len(await units.house.bodies()) == LINES_PER_UNIT + 1


async def test_a_mail_that_is_refused_takes_no_lines_with_it(units: Units) -> None:
    mail = await units.house.lines.prepare(MAIL)
    async with units.held():
        before = units.house.lines.submit([line("2.0.1")])
        refused = units.house.lines.submit([MailLine(mail, ("nobody@example.com",))])
        after = units.house.lines.submit([line("2.0.2")])
    (error,) = await refused
    assert isinstance(error, SendookError)
    assert [isinstance(each, dict) for each in (*await before, *await after)] == [True, True]
    assert units.sizes == [1, 1, 1]
    bodies = await units.house.bodies()
    assert [body["payload"]["delivery"]["status"] for body in bodies] == ["2.0.1", "2.0.2"]


async def test_a_line_that_breaks_costs_none_of_the_others_their_place(
    units: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Reports.draft_news

    def broken(self: Reports, tx: Tx, outcome: ReportedOutcome) -> NewEvent | None:
        if outcome.status == BROKEN:
            raise LookupError
        return draft(self, tx, outcome)

    monkeypatch.setattr(Reports, "draft_news", broken)
    async with units.held():
        good = units.house.lines.submit([line(), line()])
        mixed = units.house.lines.submit([line(), line(BROKEN)])
    assert [isinstance(each, dict) for each in await good] == [True, True]
    assert [isinstance(each, dict) for each in await mixed] == [True, False]
    assert len(await units.house.bodies()) == 3


async def test_what_waits_when_the_store_fails_is_refused_and_not_stored_later(
    units: Units,
) -> None:
    mail = await units.house.lines.prepare(MAIL)
    await units.house.limit_pages(2)
    async with units.held():
        large = units.house.lines.submit([MailLine(mail, ("support@example.com",))])
        waiting = [units.house.lines.submit([line()]) for _ in range(2)]
    for batch in (large, *waiting):
        (error,) = await batch
        assert isinstance(error, StoreFailed)
    assert units.sizes == [1]  # the others never had their turn
    assert not units.house.lines._waiting
    await units.house.limit_pages(None)
    (told,) = await units.house.lines.submit([line()])
    assert isinstance(told, dict)
    assert [body["eventId"] for body in await units.house.bodies()] == [told["eventId"]]


async def test_what_is_refused_is_not_kept(units: Units) -> None:
    units.house.full = True
    (error,) = await units.house.lines.submit([line()])
    assert isinstance(error, SendookError)
    assert not units.house.lines._waiting
