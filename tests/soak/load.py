"""What comes in through every door: clients that do as they should, and some that do not."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from sendook_lite.domain.clock import iso
from tests.inbound.clients import Client, LineClient, LmtpClient
from tests.soak.hurry import LoopClock

KEY = "sk_of_the_hour_that_passes"
RECIPIENT = "support@localhost.test"
Act = Callable[[], Awaitable[None]]
LOST = (OSError, EOFError, TimeoutError, aiohttp.ClientError)


class Load:
    """Acts at intervals of the loop's time until it is ended."""

    def __init__(self, url: str, sockets: Path, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.inbox = ""
        self.webhook = ""
        """The one that is retried and replayed."""
        self._url = url
        self._sockets = sockets
        self._random = random.Random(seed)
        self._ending = asyncio.Event()
        samples = Path(__file__).parents[1] / "samples" / "mail"
        self._samples = [
            b"\r\n".join(path.read_bytes().splitlines()) + b"\r\n"
            for path in sorted(samples.glob("*.eml"))
        ]
        plan: tuple[tuple[float, Act], ...] = (
            (2, self._mail), (2, self._lines), (20, self._send), (30, self._come_and_go),
            (60, self._look_around), (60, self._retry), (120, self._replay), (30, self._follow),
            (30, self._cut_mail_off), (30, self._talk_nonsense), (60, self._say_half),
        )  # fmt: skip
        self._plan = {
            act.__name__.strip("_").replace("_", " "): (every, act) for every, act in plan
        }

    async def run(self, seconds: float) -> None:
        """Act for so long, then let everybody end what they began."""
        self._ending.clear()
        async with asyncio.TaskGroup() as group:
            for name in self._plan:
                group.create_task(self._again_and_again(name))
            await asyncio.sleep(seconds)
            self._ending.set()

    def never(self) -> list[str]:
        """Return what was never done."""
        return [name for name in self._plan if not self.done[name]]

    async def _again_and_again(self, name: str) -> None:
        every, act = self._plan[name]
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every * self._random.uniform(0.5, 1.5)):
                    await self._ending.wait()
            try:
                async with asyncio.timeout(400):
                    await act()
            except LOST:
                self.done[f"{name}: no answer"] += 1
            else:
                self.done[name] += 1

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API; a server error is no answer."""
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession(self._url, headers=headers) as session,
            session.request(method, path, json=body) as answer,
        ):
            if answer.status >= 500:
                raise ConnectionError(answer.status)
            assert answer.status < 300, (method, path, await answer.text())
            return await answer.json() if "json" in answer.content_type else await answer.read()

    # --- as it should be

    async def _mail(self) -> None:
        number = self.done["mail"]
        mail = b"Message-ID: <%d@load.example>\r\n" % number + self._random.choice(self._samples)
        async with LmtpClient(self._sockets / "lmtp.sock") as client:
            assert (await client.begin(RECIPIENT))[0].startswith("250")
            (reply,) = await client.data(mail)
            if not reply.startswith("250"):
                raise ConnectionError(reply)

    async def _lines(self) -> None:
        number = self.done["lines"]
        async with LineClient(self._sockets / "events.sock") as client:
            line = {"event": "message.delivered", "from": "a@b.example", "key": f"line {number}"}
            answer = await client.ask(line | {"recipient": f"{number}@c.example"})
            if not answer["ok"]:
                raise ConnectionError(answer)

    async def _send(self) -> None:
        body = {"to": ["somebody@far.example"], "subject": "hello", "text": "hello"}
        await self.ask("POST", f"/v1/inboxes/{self.inbox}/messages/send", body)

    async def _come_and_go(self) -> None:
        made = await self.ask("POST", "/v1/inboxes", {"name": "x"})
        await self.ask("DELETE", f"/v1/inboxes/{made['id']}")

    async def _look_around(self) -> None:
        box = f"/v1/inboxes/{self.inbox}"
        for path in ("/health", "/metrics", "/v1/events", f"{box}/messages?query=hello"):
            await self.ask("GET", path)

    async def _retry(self) -> None:
        found = await self.ask("GET", f"/v1/deliveries?webhookId={self.webhook}&limit=1")
        if found:
            await self.ask("POST", f"/v1/deliveries/{found[0]['id']}/retry")

    async def _replay(self) -> None:
        clock = LoopClock(asyncio.get_running_loop())
        body = {"since": iso(clock.now() - 300_000), "status": "all"}
        await self.ask("POST", f"/v1/webhooks/{self.webhook}/replay", body)

    async def _follow(self) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with (
            aiohttp.ClientSession(self._url, headers=headers) as session,
            session.get("/v1/events/stream") as answer,
        ):
            await answer.content.readline()
            await asyncio.sleep(20)

    # --- as it should not be

    async def _cut_mail_off(self) -> None:
        async with LmtpClient(self._sockets / "lmtp.sock") as client:
            await client.begin(RECIPIENT)
            await client.command("DATA")
            client.send(b"Subject: half of it\r\n\r\nx")

    async def _talk_nonsense(self) -> None:
        for door in ("lmtp.sock", "events.sock"):
            async with Client(self._sockets / door) as client:
                client.send(b"\x16\x03\x01 nonsense\r\n" * 20)
                await client.line()

    async def _say_half(self) -> None:
        """Begin at each door, and hold on until the server has enough of it."""
        port = int(self._url.rpartition(":")[2])
        doors: dict[Path | int, bytes] = {
            self._sockets / "lmtp.sock": b"LHLO x\r\nMAIL FR",
            self._sockets / "events.sock": b'{"event": "mess',
            port: b"GET /hea",
        }
        async with contextlib.AsyncExitStack() as stack:
            for where, half in doors.items():
                client = await stack.enter_async_context(Client(where))
                client.send(half)
            await asyncio.sleep(330)
