"""The yardstick of memory: what any program with these libraries has at least."""

import asyncio

import aiohttp.web
import aiosmtpd.lmtp
import aiosqlite
import pydantic
import uvloop

from bench.yardsticks.turns import take_turns

IMPORTED = (aiohttp.web, aiosmtpd.lmtp, aiosqlite)


class Model(pydantic.BaseModel):
    """A model as small as they get."""

    name: str
    size: int = 0


async def main() -> None:
    """Be there until nobody asks any more."""

    async def work(seconds: float) -> dict[str, float]:
        await asyncio.sleep(seconds)
        return {}

    await take_turns(work)


uvloop.run(main())
