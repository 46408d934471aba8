"""Everything that hands something in, each the way careful clients do: until it is acknowledged.

What an attempt that got no answer became is unknown to its sender, so it is repeated as it was: the
same mail to the same recipients, the same line with its key, the same request with its
Idempotency-Key. Whatever was acknowledged is written down.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.chaos.receiver import Receiver
from tests.e2e.server import KEY

RECIPIENTS = ("support@localhost.test", "second@localhost.test")
PAUSE = 0.01
PATIENCE = 20.0
"""Seconds that an answer may take before its sender asks again, as all of them do."""

LOST = (OSError, EOFError, TimeoutError, aiohttp.ClientError, asyncio.IncompleteReadError)


@dataclass
class Acknowledged:
    """What the program said that it has."""

    mails: set[tuple[str, str]] = field(default_factory=set)
    """Message-ID and recipient."""
    lines: dict[str, str] = field(default_factory=dict)
    """Key to event id."""
    inboxes: set[str] = field(default_factory=set)
    """Addresses."""
    sent: set[str] = field(default_factory=set)
    """Subjects."""
    retries: list[tuple[str, float]] = field(default_factory=list)
    """Delivery, and when its retry was first asked for (monotonic)."""
    replays: set[str] = field(default_factory=set)


class Senders:
    """All senders of a campaign; they live on while the server is killed and started."""

    def __init__(self, data_dir: Path, receiver: Receiver, seed: int) -> None:
        self.acknowledged = Acknowledged()
        self.url = ""
        self.replayed = ""
        """The webhook that is replayed; empty: none."""
        self.can_send_from = ""
        """The inbox that mail is sent from by the API; empty: nothing is sent."""
        self._data_dir = data_dir
        self._receiver = receiver
        self._random = random.Random(seed)
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []
        self._up = asyncio.Event()

    def start(self) -> None:
        work = (self._mail("a"), self._mail("b"), self._lines(), self._inboxes(), self._operate())
        self._tasks = [asyncio.create_task(each) for each in (*work, self._send())]

    def server_is_up(self, url: str) -> None:
        self.url = url
        self._up.set()

    def server_is_gone(self) -> None:
        self._up.clear()

    def stop(self) -> None:
        """End at once, whatever is under way."""
        for task in self._tasks:
            task.cancel()

    def check(self) -> None:
        """Raise what ended a sender that was not to end."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def finish(self) -> None:
        """Let each sender have its last thing acknowledged, then end."""
        self._ending = True
        async with asyncio.timeout(120):
            await asyncio.gather(*self._tasks)

    async def _insist(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do something until it is answered; it must repeat itself exactly."""
        while True:
            await self._up.wait()
            try:
                async with asyncio.timeout(PATIENCE):
                    await act()
            except LOST:
                await asyncio.sleep(PAUSE)
            else:
                return

    # --- mail over LMTP

    async def _mail(self, name: str) -> None:
        number = 0
        while not self._ending:
            number += 1
            message_id = f"{name}{number}@chaos.example"
            size = 300_000 if self._random.random() < 0.02 else self._random.randrange(200, 8000)
            text = f"Message-ID: <{message_id}>\r\nSubject: {name}{number}\r\n\r\n"
            raw = text.encode() + (b"x" * 70 + b"\r\n") * (size // 72)
            open_for = set(RECIPIENTS[: self._random.choice((1, 1, 2))])
            await self._insist(partial(self._hand_in, message_id, raw, open_for))
            await asyncio.sleep(PAUSE)

    async def _hand_in(self, message_id: str, raw: bytes, open_for: set[str]) -> None:
        reader, writer = await asyncio.open_unix_connection(self._data_dir / "lmtp.sock")

        async def expect(code: str) -> None:
            while True:
                line = (await reader.readuntil(b"\r\n")).decode()
                if line[3:4] != "-":
                    break
            if not line.startswith(code):
                raise ConnectionError(line)

        async def command(line: str, code: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await expect(code)

        try:
            await expect("220")
            await command("LHLO chaos", "250")
            await command("MAIL FROM:<sender@chaos.example>", "250")
            recipients = sorted(open_for)
            for recipient in recipients:
                await command(f"RCPT TO:<{recipient}>", "250")
            await command("DATA", "354")
            writer.write(raw + b".\r\n")
            for recipient in recipients:
                await expect("250")
                open_for.discard(recipient)
                self.acknowledged.mails.add((message_id, recipient))
        finally:
            writer.close()

    # --- lines into the event socket

    async def _lines(self) -> None:
        number = 0
        while not self._ending:
            keys = [f"line-{number + each}" for each in range(self._random.randrange(1, 30))]
            number += len(keys)
            await self._insist(partial(self._tell, keys))
            await asyncio.sleep(PAUSE)

    async def _tell(self, keys: list[str]) -> None:
        reader, writer = await asyncio.open_unix_connection(self._data_dir / "events.sock")
        lines = [
            json.dumps(
                {
                    "event": "message.delivered",
                    "from": "app@elsewhere.example",
                    "recipient": f"{key}@chaos.example",
                    "key": key,
                }
            )
            for key in keys
        ]
        try:
            writer.write(("\n".join(lines) + "\n").encode())
            for key in tuple(keys):
                answer = json.loads(await reader.readuntil(b"\n"))
                if not answer["ok"]:
                    raise ConnectionError(answer["error"])
                self.acknowledged.lines[key] = answer["eventId"]
                keys.remove(key)
        finally:
            writer.close()

    # --- requests to the API

    async def _ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as session,
            session.request(method, path, json=body) as answer,
        ):
            document = await answer.json()
            # A crash may lose the answer, not what it was about; a key tells that it was done.
            done = answer.status == 409 and document["code"] == "already_done"
            if answer.status >= 500 or (answer.status == 409 and not done):
                raise ConnectionError(answer.status)
            assert done or answer.status < 300, document
            return {} if done else document

    async def _inboxes(self) -> None:
        number = 0
        while not self._ending:
            number += 1
            email = f"made{number}@localhost.test"

            async def make(email: str = email, key: str = f"make-{number}") -> None:
                body = {"name": "made", "email": email}
                await self._ask("POST", "/v1/inboxes", body, key)
                self.acknowledged.inboxes.add(email)

            await self._insist(make)
            await asyncio.sleep(PAUSE * 5)

    async def _send(self) -> None:
        number = 0
        while not self._ending:
            await asyncio.sleep(PAUSE * 5)
            if not self.can_send_from:
                continue
            number += 1

            async def send(subject: str = f"sent {number}", key: str = f"send-{number}") -> None:
                path = f"/v1/inboxes/{self.can_send_from}/messages/send"
                body = {"to": ["somebody@chaos.example"], "subject": subject, "text": "hello"}
                await self._ask("POST", path, body, key)
                self.acknowledged.sent.add(subject)

            await self._insist(send)

    # --- what an operator does by hand

    async def _operate(self) -> None:
        number = 0
        while not self._ending:
            await asyncio.sleep(0.3)
            number += 1
            # A retry by hand is one attempt in the place of all that were to come. Were it refused,
            # its delivery would rightly end as failed: only what the receiver takes is retried.
            latest = self._receiver.receipts[-100:]
            taken = [each for each in latest if each.status == 200]
            if not taken or not self.replayed:
                continue
            one = self._random.choice(taken)
            asked_at = time.monotonic()

            async def retry(
                delivery: str = one.delivery, key: str = f"retry-{number}", at: float = asked_at
            ) -> None:
                await self._ask("POST", f"/v1/deliveries/{delivery}/retry", None, key)
                self.acknowledged.retries.append((delivery, at))

            since = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()

            async def replay(since: str = since, key: str = f"replay-{number}") -> None:
                path = f"/v1/webhooks/{self.replayed}/replay"
                made = await self._ask("POST", path, {"since": since, "status": "all"}, key)
                if made:
                    self.acknowledged.replays.add(made["id"])

            await self._insist(retry)
            if number % 3 == 0:
                await self._insist(replay)
