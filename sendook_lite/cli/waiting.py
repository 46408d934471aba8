"""Waiting in a command that does one thing after the other."""

import asyncio

from sendook_lite.domain.clock import SystemClock


def pause(seconds: float) -> None:
    """Wait for so many seconds."""
    asyncio.run(SystemClock().sleep(seconds))
