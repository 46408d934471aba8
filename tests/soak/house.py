"""The whole server in a loop that hurries: built by its own composition root, nothing replaced."""

import asyncio
import contextlib
import gc
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sendook_lite.app import App, Started
from sendook_lite.settings import Settings
from tests.chaos.relay import Relay
from tests.e2e.server import resident_mib
from tests.soak.endpoints import Endpoints, endpoints
from tests.soak.hurry import LoopClock
from tests.soak.load import KEY, RECIPIENT, Load

WARM_UP_MINUTES = 1
REST_SECONDS = 120
"""Longer than any connection is kept that nobody uses; silent clients are sat out by the load."""

KEPT_SECONDS = 900
COPY_EVERY_SECONDS = 600
REPORT_EVERY_SECONDS = 300
PATIENCE_SECONDS = 600
EVENTS = ["message.received", "message.delivered", "message.sent", "inbox.created"]


@dataclass(frozen=True)
class Reading:
    """What the process has at a moment; load and far ends are in the same process."""

    descriptors: int = 0
    tasks: int = 0
    threads: int = 0
    mebibytes: float = 0.0

    @classmethod
    def take(cls) -> "Reading":
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        tasks, threads = len(asyncio.all_tasks()), threading.active_count()
        return cls(descriptors, tasks, threads, resident_mib(os.getpid()))

    def left_over(self, before: "Reading") -> list[str]:
        """Say what there is more of than before; threads are of pools, which have their bounds."""
        return [
            f"{more} {name} were left behind"
            for name in ("descriptors", "tasks")
            if (more := getattr(self, name) - getattr(before, name)) > 0
        ]

    def or_more(self, other: "Reading") -> "Reading":
        return Reading(
            max(self.descriptors, other.descriptors),
            max(self.tasks, other.tasks),
            max(self.threads, other.threads),
            max(self.mebibytes, other.mebibytes),
        )


@dataclass
class House:
    """One server, its load and its endpoints, through a warm-up and through the time asked for."""

    directory: Path
    seed: int
    report: Callable[[float, Reading], None] = lambda _seconds, _reading: None
    """Told every five minutes what there is; the first argument is the loop's time."""
    before: Reading = Reading()
    most: Reading = Reading()
    after: Reading = Reading()
    counted: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _relayed: int = 0

    async def live(self, minutes: float) -> None:
        """Warm up, rest and read; do it again for as long as asked; compare."""
        began = time.monotonic()
        async with contextlib.AsyncExitStack() as stack:
            self._copies = self.directory / "copies"
            self._copies.mkdir()
            self._relay = await stack.enter_async_context(Relay(self.seed))
            self._ends = await stack.enter_async_context(endpoints())
            app = await stack.enter_async_context(self._serving(self._ends))
            self._load = Load(app.addresses["api"], app.data_dir, self.seed)
            self._load.inbox = await self._made("/v1/inboxes", name="x", email=RECIPIENT)
            self._load.webhook = await self._webhook(self._ends.well)
            watching = asyncio.create_task(self._watch())
            await self._part(WARM_UP_MINUTES)
            self.before, self.most = Reading.take(), Reading()
            await self._part(minutes)
            self.after = Reading.take()
            watching.cancel()
            await self._count()
        loop = asyncio.get_running_loop()
        self.counted |= {
            "minutes of the clock": round(loop.time() / 60),
            "real seconds": round(time.monotonic() - began),
        }

    async def _part(self, minutes: float) -> None:
        """Put load on with all endpoints there, take both away, and wait until all has ended."""
        broken = [await self._webhook(url) for url in self._ends.broken.values()]
        await self._load.run(minutes * 60)
        for webhook in broken:
            await self._load.ask("DELETE", f"/v1/webhooks/{webhook}")
        await self._until_nothing_is_pending()
        await asyncio.sleep(REST_SECONDS)
        self._forget()

    async def _watch(self) -> None:
        """Note the most there is, every second; have backups fall due."""
        seconds = 0
        while True:
            await asyncio.sleep(1)
            seconds += 1
            now = Reading.take()
            self.most = self.most.or_more(now)
            if seconds % REPORT_EVERY_SECONDS == 0:
                self.report(asyncio.get_running_loop().time(), now)
            if seconds % 60 == 0:
                self._forget()
            if seconds % COPY_EVERY_SECONDS == 0:
                for copy in self._copies.glob("*.db"):
                    self.counted["backups"] = self.counted.get("backups", 0) + 1
                    copy.unlink()

    def _forget(self) -> None:
        """Drop what only the far ends keep, for that they share a process is our doing."""
        self._ends.forget()
        self._relayed += len(self._relay.takings)
        self._relay.takings.clear()
        gc.collect()

    async def _until_nothing_is_pending(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            path = "/v1/deliveries?status=pending&limit=1"
            while await self._load.ask("GET", path):  # noqa: ASYNC110 - nothing tells us
                await asyncio.sleep(5)

    async def _webhook(self, url: str) -> str:
        return await self._made("/v1/webhooks", url=url, events=EVENTS)

    async def _made(self, path: str, **body: Any) -> str:
        return str((await self._load.ask("POST", path, body))["id"])

    async def _count(self) -> None:
        """Say how much was done, and complain about what was not."""
        health = await self._load.ask("GET", "/health")
        self.counted |= {
            **dict(sorted(self._load.done.items())),
            "requests at the endpoint that answers": self._ends.arrived,
            "beats at the heartbeat's URL": self._ends.beats,
            "mails at the relay": self._relayed,
        }
        self.problems += [f"never happened: {name}" for name in self._load.never()]
        told = self._load.done["mail"] + self._load.done["lines"]
        if self._ends.arrived < told:
            self.problems.append(f"{told} acknowledged, {self._ends.arrived} delivered")
        if (store := health["store"]) != "ok" or health["backup"]["failure"]:
            self.problems.append(f"the server is not well: {store}, {health['backup']}")

    @contextlib.asynccontextmanager
    async def _serving(self, ends: Endpoints) -> AsyncIterator[Started]:
        settings = Settings.model_validate(
            {
                "server": {
                    "listen": "127.0.0.1:0",
                    "data_dir": str(self.directory / "data"),
                    "min_free_bytes": 0,
                },
                "delivery": {"allow_http": True, "allow_networks": ["127.0.0.0/8"]},
                "relay": {"url": self._relay.url},
                "retention": {"events": KEPT_SECONDS, "messages": KEPT_SECONDS},
                "backup": {"dir": str(self._copies), "keep": 2},
                "alerts": {
                    "email": ["ops@far.example"],
                    "from": "alerts@localhost.test",
                    "webhook": ends.well,
                    "heartbeat_url": ends.pulse,
                },
            }
        )
        loop = asyncio.get_running_loop()
        stop, started = asyncio.Event(), loop.create_future()
        app = App(settings, environment_key=KEY, clock=LoopClock(loop))
        serving = asyncio.create_task(app.run(stop, started.set_result))
        await asyncio.wait((serving, started), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        try:
            yield started.result()
        finally:
            stop.set()
            await serving
