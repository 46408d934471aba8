"""The heartbeat: a request a minute while all is well, silence otherwise, no secret in the log."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sendook_lite.outbound.heartbeat import EVERY_SECONDS, Heartbeat
from tests.fakes import FakeClock


class Monitor:
    """Counts beats and answers them as it is told."""

    def __init__(self) -> None:
        self.beats = 0
        self.status = 200

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["user-agent"] == "Sendook-Lite/1.2"
        self.beats += 1
        return web.Response(status=self.status, headers={"location": "/s3cret"})


@pytest.fixture
async def monitor() -> AsyncIterator[tuple[Monitor, str]]:
    monitor = Monitor()
    app = web.Application()
    app.router.add_get("/s3cret", monitor.answer)
    server = TestServer(app)
    await server.start_server()
    yield monitor, str(server.make_url("/s3cret"))
    await server.close()


@asynccontextmanager
async def beating(
    url: str, clock: FakeClock, trouble: Callable[[], str | None] = lambda: None
) -> AsyncIterator[None]:
    task = asyncio.create_task(Heartbeat(url, "1.2", clock, trouble, timeout=5).run())
    await asyncio.sleep(0)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def minute(clock: FakeClock) -> None:
    """Let a minute pass and the beat of it end: it is over when the next one is slept for."""
    await clock.advance(EVERY_SECONDS)
    for _ in range(1000):
        if clock._sleepers:
            break
        await asyncio.sleep(0.005)


async def test_it_beats_every_minute_from_the_first_one_on(monitor: tuple[Monitor, str]) -> None:
    seen, url = monitor
    clock = FakeClock()
    async with beating(url, clock):
        assert seen.beats == 0
        for _ in range(3):
            await minute(clock)
    assert seen.beats == 3


async def test_it_is_silent_while_something_is_wrong_and_says_so_once(
    monitor: tuple[Monitor, str], capsys: pytest.CaptureFixture[str]
) -> None:
    seen, url = monitor
    clock = FakeClock()
    troubles: list[str | None] = ["the disk is full", "the disk is full", None]
    async with beating(url, clock, lambda: troubles.pop(0)):
        for _ in range(3):
            await minute(clock)
    assert seen.beats == 1
    log = capsys.readouterr().out
    assert log.count("no heartbeat") == 1
    assert log.count("the heartbeat is back") == 1


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_answer_that_is_no_yes_is_told_and_no_redirect_followed(
    monitor: tuple[Monitor, str], capsys: pytest.CaptureFixture[str], status: int
) -> None:
    seen, url = monitor
    seen.status = status
    clock = FakeClock()
    async with beating(url, clock):
        await minute(clock)
    assert seen.beats == 1
    log = capsys.readouterr().out
    assert f"answered {status}" in log
    assert "s3cret" not in log


async def test_nobody_there_is_told_without_the_url(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    async with beating("http://127.0.0.1:9/s3cret", clock):
        await minute(clock)
    log = capsys.readouterr().out
    assert "cannot be fetched" in log
    assert "s3cret" not in log
