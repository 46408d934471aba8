"""The far end of sent mail: a real SMTP server that notes whatever it takes."""

import asyncio
import hashlib
import random
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import Self, cast

from aiosmtpd.smtp import SMTP, Envelope

MAX_DELAY = 0.05
"""Seconds between having a mail and saying so."""


@dataclass(frozen=True, slots=True)
class Taking:
    """One mail that came in whole, whether or not anybody was left to be told."""

    life: int
    subject: str
    message_id: str
    digest: bytes


class Relay:
    """Takes all mail; ``life`` is set by the campaign, as for its receiver."""

    def __init__(self, seed: int) -> None:
        self.takings: list[Taking] = []
        self.life = 0
        self.url = ""
        self._random = random.Random(seed)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="relay.example", loop=loop), "127.0.0.1", 0
        )
        self.url = f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def handle_DATA(  # noqa: N802 - named by the library
        self, _server: SMTP, _session: object, envelope: Envelope
    ) -> str:
        raw = cast("bytes", envelope.content)
        mail = message_from_bytes(raw, policy=default)
        self.takings.append(
            Taking(
                self.life,
                str(mail["subject"]),
                str(mail["message-id"]),
                hashlib.sha256(raw).digest(),
            )
        )
        await asyncio.sleep(self._random.uniform(0, MAX_DELAY))
        return "250 2.0.0 queued"
