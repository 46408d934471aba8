"""An aiohttp client session built like ours would be: no cookies, no headers it need not send."""

import asyncio
from http import HTTPStatus
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

SKIPPED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class TunedClient:
    """POSTs the same body to the same receiver, with so many requests in flight."""

    def __init__(self, url: str, body: bytes, in_flight: int) -> None:
        self._url, self._body, self._in_flight = url, body, in_flight
        self._session = ClientSession(
            connector=TCPConnector(limit=0),
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=SKIPPED,
            timeout=ClientTimeout(total=15),
            auto_decompress=False,
        )

    async def post(self, body: bytes | None = None) -> None:
        """Make one request and read its answer."""
        async with self._session.post(self._url, data=body or self._body) as answer:
            await answer.read()
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(f"answered {answer.status}")

    async def post_for(self, seconds: float) -> int:
        """POST for so many seconds; returns how many requests were answered."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        done = 0

        async def worker() -> None:
            nonlocal done
            while loop.time() < end:
                await self.post()
                done += 1

        await asyncio.gather(*(worker() for _ in range(self._in_flight)))
        return done


def read_body(path: str) -> bytes:
    """Read the body that is to be sent."""
    return Path(path).read_bytes()
