"""A campaign: start, load, kill, look; as often as asked, then let all of it end and judge."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.audit import Verdict, judge
from tests.chaos.ledger import Ledger
from tests.chaos.receiver import Receiver
from tests.chaos.relay import Relay
from tests.chaos.senders import LOST, RECIPIENTS, Senders
from tests.e2e.server import Server

AT_RANDOM = "at a random moment"
POINTS = (
    "before commit",
    "after commit, before the answer",
    "between a POST and the commit of its outcome",
    "between the relay's answer and its record",
    "during a replay",
    "during a backup",
    "after a backup's last page",
    "during a purge",  # last, for something must have grown old
)
"""Every second kill is at one of these, in turn; the others come at random moments."""

LIFE_SECONDS = (0.2, 1.5)
"""How long a server lives that is killed at random, counted from when its doors are open."""

POINT_SECONDS = 6.0
"""How long a named point is waited for; a kill that misses it counts as one at random."""

SCHEDULE = (0.3, 0.6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
SWEEP_SECONDS = 0.2
DRAIN_SECONDS = 120.0

Report = Callable[[int, str, "Campaign"], None]


@dataclass
class Campaign:
    """Everything of one campaign; ``run`` returns the verdict."""

    directory: Path
    kills: int
    seed: int
    kept_seconds: int = 60
    """How old what is purged is; far more than a sender may need to have a thing acknowledged."""
    report: Report = lambda _number, _point, _campaign: None
    done: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)
    started_at: float = field(default_factory=time.monotonic)
    downtime: float = 0.0

    async def run(self) -> Verdict:
        choice = random.Random(self.seed)
        self.backups = self.directory / "copies"
        self.backups.mkdir(parents=True)
        async with Receiver(self.seed) as self.receiver, Relay(self.seed) as self.relay:
            self.server = self._server()
            self.senders = Senders(self.server.data_dir, self.receiver, self.seed)
            try:
                webhooks = await self._prepare()
                self.senders.start()
                for number in range(1, self.kills + 1):
                    point = await self._live_and_die(number, choice)
                    self.senders.check()
                    self.done[point] += 1
                    self.report(number, point, self)
                await self._end()
            finally:
                self.senders.stop()
                if self.server.process is not None:
                    self.server.kill()
        return judge(
            self.senders.acknowledged,
            self.ledger,
            self.receiver.receipts,
            self.relay.takings,
            webhooks,
            SCHEDULE,
            self.kills + 1,
        )

    def _server(self) -> Server:
        return Server(
            self.directory / "data",
            SENDOOK_DELIVERY__RETRY_SCHEDULE=str(list(SCHEDULE)),
            SENDOOK_RELAY__URL=self.relay.url,
            SENDOOK_RETENTION__EVENTS=str(self.kept_seconds),
            SENDOOK_RETENTION__MESSAGES=str(self.kept_seconds),
            SENDOOK_BACKUP__DIR=str(self.backups),
            SENDOOK_BACKUP__KEEP="1",
            PYTHONPATH=str(Path(__file__).with_name("points")),
            CHAOS_SWEEP=str(SWEEP_SECONDS),
        )

    async def _prepare(self) -> dict[str, str]:
        """Make what the load needs, in a first life of its own."""
        await asyncio.to_thread(self.server.start)
        inboxes = [
            await asyncio.to_thread(self.server.inbox, recipient) for recipient in RECIPIENTS
        ]
        webhooks = {}
        for path in ("a", "b"):
            made = await asyncio.to_thread(
                self.server.webhook,
                f"{self.receiver.url}/{path}",
                "message.received",
                "message.delivered",
                "message.sent",
                "inbox.created",
            )
            webhooks[path] = made["id"]
            self.receiver.secrets[path] = made["secret"]
        self.inbox_id = inboxes[0]["id"]
        self.senders.replayed = webhooks["b"]
        self.senders.can_send_from = await self._sending_inbox(inboxes[0]["id"])
        assert await asyncio.to_thread(self.server.stop) == 0
        # What the two inboxes above fired had no webhook yet, and so owes nothing to anybody.
        self.ledger.read(self.server.data_dir, self.directory / "scratch", 0)
        self.ledger.events.clear()
        return webhooks

    async def _sending_inbox(self, inbox_id: str) -> str:
        """Return the inbox to send from, or nothing where this version cannot send."""
        path = f"/v1/inboxes/{inbox_id}/messages/send"
        status, _ = await asyncio.to_thread(self.server.error, "POST", path, {})
        return "" if status in (404, 405) else inbox_id

    async def _live_and_die(self, life: int, choice: random.Random) -> str:
        """Let the server live for a while and kill it; returns where that happened."""
        point = AT_RANDOM if life % 2 else POINTS[(life // 2 - 1) % len(POINTS)]
        passages = choice.randrange(0, 60 if "commit" in point else 3)
        if "last page" in point:
            passages = 0
        self.server.environment["CHAOS_POINT"] = point
        self.server.environment["CHAOS_PASSAGE"] = str(passages)
        if "backup" in point:
            for each in self.backups.iterdir():  # so that one is due
                each.unlink()
        self._now_in(life)
        began = time.monotonic()
        try:
            await asyncio.to_thread(self.server.start)
        except AssertionError:
            # It may reach its end before its doors are open: recovery commits too.
            died = await asyncio.to_thread(self._wait_for_end, POINT_SECONDS)
            if not died:
                raise
            self._look(life)
            return point
        self.downtime += time.monotonic() - began
        self.senders.server_is_up(self.server.url)
        patience = choice.uniform(*LIFE_SECONDS) if point == AT_RANDOM else POINT_SECONDS
        died = await asyncio.to_thread(self._wait_for_end, patience)
        if not died:
            self.server.kill()
            point = AT_RANDOM
        self.senders.server_is_gone()
        # What its kernel had already taken in is still read by the receiver.
        await asyncio.sleep(0.05)
        self._look(life)
        return point

    def _wait_for_end(self, seconds: float) -> bool:
        """Wait for the process to end by itself; True when it did."""
        process = self.server.process
        assert process is not None
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if process.poll() is None:
            return False
        assert process.returncode == -9, f"ended with {process.returncode}:\n{self.server.log()}"
        self.server._reap()
        return True

    def _now_in(self, life: int) -> None:
        self.receiver.life = self.relay.life = life

    def _look(self, life: int) -> None:
        self.ledger.read(self.server.data_dir, self.directory / "scratch", life)

    async def _end(self) -> None:
        """Bring what is left to its end: acknowledged, delivered, recorded; then stop in peace."""
        self.server.environment["CHAOS_POINT"] = ""
        self._now_in(self.kills + 1)
        await asyncio.to_thread(self.server.start)
        self.senders.server_is_up(self.server.url)
        await self.senders.finish()
        deadline = time.monotonic() + DRAIN_SECONDS
        while await self._pending():
            assert time.monotonic() < deadline, (
                f"what is pending is not delivered\n{await asyncio.to_thread(self.server.state)}"
            )
            await asyncio.sleep(0.1)
        assert await asyncio.to_thread(self.server.stop) == 0
        self._look(self.kills + 1)

    async def _pending(self) -> bool:
        try:
            replays = await asyncio.to_thread(
                self.server.call, "GET", f"/v1/webhooks/{self.senders.replayed}/replays"
            )
            pending: Any = await asyncio.to_thread(
                self.server.call, "GET", "/v1/deliveries?status=pending&limit=1"
            )
            mails: Any = await asyncio.to_thread(
                self.server.call, "GET", f"/v1/inboxes/{self.inbox_id}/messages?limit=50"
            )
        except LOST:
            return True
        if any(each["status"] == "queued" for each in mails):
            return True
        return bool(pending) or any(each["state"] == "running" for each in replays)
