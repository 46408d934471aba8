"""The yardstick of events per second: a tuned client that stores nothing and only POSTs.

usage: post_loop URL BODY_FILE IN_FLIGHT
"""

import sys
import time
from typing import Any

import uvloop

from bench.yardsticks.tuned_client import TunedClient, read_body
from bench.yardsticks.turns import take_turns


async def main() -> None:
    """Take turns at posting."""
    client = TunedClient(sys.argv[1], read_body(sys.argv[2]), int(sys.argv[3]))

    async def work(seconds: float) -> dict[str, Any]:
        begun, cpu = time.monotonic(), time.process_time()
        done = await client.post_for(seconds)
        return {
            "rate": done / (time.monotonic() - begun),
            "cpu": (time.process_time() - cpu) / done,
        }

    await take_turns(work)


uvloop.run(main())
