"""The yardstick of delay: the least that can be done for an event that must not be lost.

usage: insert_and_post URL DATABASE BODY_BYTES RATE

One insert with ``synchronous=FULL``, then one POST, at a steady pace; the receiver notes the delay.
"""

import asyncio
import sqlite3
import sys
import time
from typing import Any

import uvloop

from bench.yardsticks.tuned_client import TunedClient
from bench.yardsticks.turns import take_turns


async def main() -> None:
    """Take turns at inserting and posting."""
    url, path, size, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    client = TunedClient(url, b"", 1)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    async def deliver(body: bytes) -> None:
        database.execute("INSERT INTO events (body) VALUES (?)", (body,))
        await client.post(body)

    async def work(seconds: float) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        start, count = loop.time(), round(seconds * rate)
        under_way = set()
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / rate - loop.time()))
            body = f"@@{time.monotonic_ns():019d} ".encode().ljust(size, b"x")
            task = asyncio.ensure_future(deliver(body))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        return {"sent": count}

    await take_turns(work)


uvloop.run(main())
