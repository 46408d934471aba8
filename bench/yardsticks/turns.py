"""How yardsticks talk: a line of JSON when they are ready, then one for every line they get."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any


def say(**facts: Any) -> None:
    """Write what there is to tell."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def take_turns(work: Callable[[float], Awaitable[dict[str, Any]]]) -> None:
    """Do some work for so many seconds, each time a line says for how many."""
    say()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        say(**await work(float(line)))
