"""The clock: stamps by the wall, waits by the steady one, and times as text."""

import asyncio
import time

import pytest

from sendook_lite.domain.clock import SteadyClock, SystemClock, iso, parse_iso
from tests.fakes import START, FakeClock


def test_the_system_clock_is_that_of_the_machine() -> None:
    clock = SystemClock()
    before, now, after = time.time() * 1000, clock.now(), time.time() * 1000
    assert before - 1 <= now <= after
    assert clock.monotonic() <= time.monotonic()


async def test_sleeping_and_waiting_end() -> None:
    clock = SystemClock()
    await clock.sleep(0)
    signal = asyncio.Event()
    assert await clock.wait(signal, 0.001) is False
    signal.set()
    assert await clock.wait(signal, 0) is True


async def test_a_signal_ends_a_wait_without_end() -> None:
    signal = asyncio.Event()
    waiting = asyncio.create_task(SystemClock().wait(signal, None))
    await asyncio.sleep(0)
    signal.set()
    assert await waiting is True


def test_due_times_do_not_move_when_the_wall_clock_is_set() -> None:
    clock = FakeClock()
    steady = SteadyClock(clock)
    assert steady.now() == START
    clock.wall -= 3_600_000
    clock.elapsed += 1.5
    assert steady.now() == START + 1500


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (START, "2026-03-01T09:10:00.000Z"),
        (START + 7, "2026-03-01T09:10:00.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-46_658_510_650_000, "0491-06-13T22:35:50.000Z"),
    ],
)
def test_times_are_shown_in_utc_with_milliseconds(ms: int, text: str) -> None:
    assert iso(ms) == text
    assert parse_iso(text) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-03-01T10:10:00+01:00", START),
        ("2026-03-01T09:10:00", START),
        ("2026-03-01", START - 33_000_000),
        ("2026-03-01T09:10:00.0004Z", START),
    ],
)
def test_times_are_read_in_other_forms(text: str, ms: int) -> None:
    assert parse_iso(text) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "12:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        parse_iso(text)
