"""DNS: one look-up per host, short memory, and dead names that hold up nobody else."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from sendook_lite.delivery import resolver as module
from sendook_lite.delivery.resolver import Resolver, look_up
from sendook_lite.domain.outcome import AttemptFailed
from tests.fakes import FakeClock

PUBLIC = "93.184.216.34"


class Names:
    """Name servers: what they know, and which names never get an answer until released."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {"alive.example": [PUBLIC]}
        self.errors: dict[str, Exception] = {}
        self.asked: Counter[str] = Counter()
        self.released = threading.Event()

    def __call__(self, host: str, port: int) -> list[str]:
        assert port == 443
        self.asked[host] += 1
        if host.startswith("dead"):
            self.released.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
        if host in self.errors:
            raise self.errors[host]
        return self.known[host]


class World:
    """A resolver with its clock and its name servers."""

    def __init__(self, **limits: int) -> None:
        self.clock = FakeClock()
        self.names = Names()
        self.resolver = Resolver(self.clock, self.names, **limits)

    async def resolve(self, host: str, lane: str = "wh_1", seconds: float = 5.0) -> tuple[str, ...]:
        deadline = asyncio.get_running_loop().time() + seconds
        return await self.resolver.resolve(host, 443, lane, deadline)

    async def refusal(self, host: str, lane: str = "wh_1", seconds: float = 5.0) -> tuple[str, str]:
        with pytest.raises(AttemptFailed) as caught:
            await self.resolve(host, lane, seconds)
        return caught.value.code, caught.value.message


@contextlib.asynccontextmanager
async def world(**limits: int) -> AsyncIterator[World]:
    made = World(**limits)
    try:
        yield made
    finally:
        made.names.released.set()
        made.resolver.close()
        # So that no thread answers to a loop that is gone.
        for thread in threading.enumerate():
            if thread.name == "resolver":
                await asyncio.to_thread(thread.join)


async def test_an_answer_is_used_for_thirty_seconds() -> None:
    async with world() as w:
        assert await w.resolve("alive.example") == (PUBLIC,)
        w.names.known["alive.example"] = ["192.0.2.1"]
        await w.clock.advance(29.9)
        assert await w.resolve("alive.example") == (PUBLIC,)
        await w.clock.advance(0.1)
        assert await w.resolve("alive.example") == ("192.0.2.1",)
        assert w.names.asked["alive.example"] == 2


async def test_a_failure_is_remembered_for_five_seconds() -> None:
    async with world() as w:
        w.names.errors["gone.example"] = socket.gaierror(socket.EAI_NONAME, "x")
        expected = ("dns_failed", "there is no such host: gone.example")
        assert await w.refusal("gone.example") == expected
        await w.clock.advance(4.9)
        assert await w.refusal("gone.example") == expected
        assert w.names.asked["gone.example"] == 1
        await w.clock.advance(0.1)
        del w.names.errors["gone.example"]
        w.names.known["gone.example"] = [PUBLIC]
        assert await w.resolve("gone.example") == (PUBLIC,)


@pytest.mark.parametrize(
    ("error", "phrase"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "there is no such host"),
        (socket.gaierror(socket.EAI_NODATA, "x"), "the host has no address"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "the name servers gave no answer"),
        (socket.gaierror(socket.EAI_FAIL, "x"), "the name servers failed"),
        (socket.gaierror(-999, "x"), "the host could not be resolved"),
        (OSError("disk"), "the host could not be resolved"),
        (KeyError("a bug"), "the host could not be resolved"),
    ],
)
async def test_every_failure_has_a_phrase_for_people(error: Exception, phrase: str) -> None:
    async with world() as w:
        w.names.errors["bad.example"] = error
        assert await w.refusal("bad.example") == ("dns_failed", f"{phrase}: bad.example")


async def test_an_empty_answer_is_a_failure() -> None:
    async with world() as w:
        w.names.known["empty.example"] = []
        expected = ("dns_failed", "the host has no address: empty.example")
        assert await w.refusal("empty.example") == expected


async def test_addresses_keep_their_order_and_lose_their_doubles() -> None:
    async with world() as w:
        w.names.known["many.example"] = ["2600::1", PUBLIC, "2600::1"]
        assert await w.resolve("many.example") == ("2600::1", PUBLIC)


async def test_those_who_want_the_same_host_share_a_look_up() -> None:
    async with world() as w:
        waiting = [asyncio.create_task(w.refusal("dead.example", f"wh_{n}")) for n in range(20)]
        await asyncio.sleep(0.05)
        assert w.names.asked["dead.example"] == 1
        w.names.released.set()
        assert {code for code, _ in await asyncio.gather(*waiting)} == {"dns_failed"}


async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    async with world() as w:
        impatient = asyncio.create_task(w.resolve("dead.example"))
        patient = asyncio.create_task(w.refusal("dead.example"))
        await asyncio.sleep(0.02)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        w.names.released.set()
        assert (await patient)[0] == "dns_failed"


async def test_without_an_answer_the_deadline_ends_the_wait() -> None:
    async with world() as w:
        expected = ("dns_timeout", "the name servers gave no answer in time: dead.example")
        assert await w.refusal("dead.example", seconds=0.05) == expected
        # The look-up goes on; who comes next waits for the same one.
        assert await w.refusal("dead.example", seconds=0.05) == expected
        assert w.names.asked["dead.example"] == 1


async def test_a_hundred_dead_names_do_not_delay_a_living_one() -> None:
    async with world() as w:
        dead = [asyncio.create_task(w.refusal(f"dead{n}.example", f"wh_{n}")) for n in range(100)]
        await asyncio.sleep(0)
        assert await w.resolve("alive.example", "wh_alive") == (PUBLIC,)
        assert not any(task.done() for task in dead)
        w.names.released.set()
        await asyncio.gather(*dead)


async def test_dead_names_cannot_take_the_threads_of_names_that_answered_before() -> None:
    async with world(max_threads=4, reserved=1) as w:
        await w.resolve("alive.example")
        await w.clock.advance(31)
        dead = [asyncio.create_task(w.refusal(f"dead{n}.example", f"wh_{n}")) for n in range(9)]
        await asyncio.sleep(0.05)
        assert sum(w.names.asked.values()) == 1 + 3
        assert await w.resolve("alive.example") == (PUBLIC,)
        w.names.known["new.example"] = [PUBLIC]
        code, _ = await w.refusal("new.example", seconds=0.05)
        assert code == "dns_timeout"
        w.names.released.set()
        await asyncio.gather(*dead)
        assert await w.resolve("new.example") == (PUBLIC,)
        assert w.names.asked["new.example"] == 1


async def test_a_lane_has_at_most_two_look_ups_without_an_answer() -> None:
    async with world() as w:
        first = [asyncio.create_task(w.refusal(f"dead{n}.example")) for n in range(2)]
        await asyncio.sleep(0)
        assert await w.refusal("alive.example") == (
            "dns_timeout",
            "earlier look-ups of this webhook are still without an answer",
        )
        assert await w.resolve("alive.example", "wh_2") == (PUBLIC,)
        w.names.released.set()
        await asyncio.gather(*first)
        await w.clock.advance(31)
        assert await w.resolve("alive.example") == (PUBLIC,)


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    async with world() as w:
        for name in ("a.example", "b.example", "c.example"):
            w.names.known[name] = [PUBLIC]
            await w.resolve(name)
        await w.resolve("c.example")
        await w.resolve("b.example")
        await w.resolve("a.example")
        assert w.names.asked == {"a.example": 2, "b.example": 1, "c.example": 1}


async def test_closing_ends_every_wait() -> None:
    async with world(max_threads=2, reserved=1) as w:
        waiting = [asyncio.create_task(w.refusal(f"dead{n}.example", str(n))) for n in range(3)]
        await asyncio.sleep(0.02)
        w.resolver.close()
        assert {code for code, _ in await asyncio.gather(*waiting)} == {"dns_failed"}


async def test_a_machine_without_threads_is_a_failure_and_not_a_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with world() as w:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            assert (await w.refusal("alive.example"))[0] == "dns_failed"
        await w.clock.advance(5)
        assert await w.resolve("alive.example") == (PUBLIC,)


def test_the_system_is_asked_for_all_addresses() -> None:
    assert "127.0.0.1" in look_up("localhost", 80)
    assert look_up("192.0.2.7", 80) == ["192.0.2.7"]


def test_an_unanswered_look_up_does_not_hold_up_the_end_of_the_process() -> None:
    program = """
import asyncio, threading
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.outcome import AttemptFailed

async def main():
    resolver = Resolver(SystemClock(), lambda host, port: threading.Event().wait())
    try:
        await resolver.resolve("dead.example", 80, "wh", asyncio.get_running_loop().time() + 0.05)
    except AttemptFailed as failed:
        print(failed.code)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert (done.stdout, done.stderr) == ("dns_timeout\n", "")


async def test_an_answer_that_comes_after_the_loop_is_gone_is_dropped() -> None:
    names = Names()

    async def give_up() -> None:
        with pytest.raises(AttemptFailed):
            await Resolver(FakeClock(), names).resolve(
                "dead.example", 443, "wh", asyncio.get_running_loop().time() + 0.02
            )

    await asyncio.to_thread(asyncio.run, give_up())
    (thread,) = [one for one in threading.enumerate() if one.name == "resolver"]
    names.released.set()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
