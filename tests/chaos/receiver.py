"""The far end: takes webhooks, remembers each, is slow at times and says no at times."""

import asyncio
import base64
import hashlib
import hmac
import random
import time
from dataclasses import dataclass
from typing import Self

REFUSED_OF = 6
"""Every sixth first attempt is answered 503, so that there are retries."""

MAX_DELAY = 0.03


@dataclass(slots=True)
class Receipt:
    """One request that came in whole. ``answered_at`` is None if the answer could not be sent."""

    at: float
    life: int
    webhook: str
    delivery: str
    attempt: int
    event: str
    digest: bytes
    signed: bool
    status: int
    answered_at: float | None = None


class Receiver:
    """One HTTP server for all webhooks; the path says which one a request is for."""

    def __init__(self, seed: int) -> None:
        self.receipts: list[Receipt] = []
        self.secrets: dict[str, str] = {}
        self.life = 0
        self.random = random.Random(seed)
        self.url = ""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Receipt:
        event, attempt = headers["webhook-id"], int(headers["x-sendook-attempt"])
        refused = attempt == 1 and hash_of(event + path) % REFUSED_OF == 0
        receipt = Receipt(
            time.monotonic(),
            self.life,
            path.strip("/"),
            headers["x-sendook-delivery"],
            attempt,
            event,
            hashlib.sha256(body).digest(),
            is_signed(self.secrets.get(path.strip("/"), ""), headers, body),
            503 if refused else 200,
        )
        self.receipts.append(receipt)
        return receipt


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            whole = end + 4 + int(headers["content-length"])
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            receipt = self._receiver.take(first.split(" ")[1], headers, body)
            delay = self._receiver.random.uniform(0, MAX_DELAY)
            asyncio.get_running_loop().call_later(delay, self._answer, receipt)

    def _answer(self, receipt: Receipt) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % receipt.status)
            receipt.answered_at = time.monotonic()


def hash_of(text: str) -> int:
    """A number from a text, the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Verify a signature by the text of Standard Webhooks, with nothing of the program's."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")
