"""The yardstick of delay: the least that can be done for an event that must not be lost.

usage: insert_and_post URL DATABASE BODY_BYTES RATE

One insert with ``synchronous=FULL``, then one POST, at a steady pace; the receiver notes the delay.
What comes while another event is being inserted waits, and is that much older: the clock of an
event starts when it comes, here as in the product, not when somebody has time for it.
"""

import asyncio
import sqlite3
import sys
import time
from typing import Any

import uvloop

from bench.event_feeder import stamp
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

    busy_until = 0.0

    async def deliver(body: bytes) -> None:
        nonlocal busy_until
        database.execute("INSERT INTO events (body) VALUES (?)", (body,))
        busy_until = time.monotonic()
        await client.post(body)

    async def work(seconds: float) -> dict[str, Any]:
        start, count = time.monotonic(), round(seconds * rate)
        under_way = set()
        for number in range(count):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            # The loop's timers are a millisecond late; that is no delay of an event.
            came_at = due if due < busy_until else time.monotonic()
            body = stamp(round(came_at * 1e9)).encode().ljust(size, b"x")
            task = asyncio.ensure_future(deliver(body))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        return {"sent": count}

    await take_turns(work)


uvloop.run(main())
