"""The yardstick of mails per second: aiosmtpd with a handler that stores nothing and only answers.

usage: lmtp_answerer SOCKET
"""

import asyncio
import sys
import time
from typing import Any

import uvloop
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from bench.yardsticks.turns import say


class Answerer:
    """Takes every mail and forgets it."""

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer once for each recipient, as LMTP wants it."""
        return "\r\n".join(["250 2.0.0 taken"] * len(envelope.rcpt_tos))


async def main() -> None:
    """Serve until the other side of the pipe is closed; each line asks for the CPU time used."""
    loop = asyncio.get_running_loop()
    await loop.create_unix_server(lambda: LMTP(Answerer(), loop=loop), sys.argv[1])
    facts: dict[str, Any] = {}
    say(**facts)
    while await loop.run_in_executor(None, sys.stdin.readline):
        say(cpu=time.process_time())


uvloop.run(main())
