"""One server: put up in order, last up first down, everything in one group of tasks."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from sendook_lite import __version__
from sendook_lite.app.condition import Condition
from sendook_lite.app.core import Core, build_core
from sendook_lite.app.doors import Doors
from sendook_lite.app.keeping import work_of
from sendook_lite.app.mail import build_mail
from sendook_lite.domain.clock import Clock, SystemClock
from sendook_lite.outbound.dkim_key import read_signer
from sendook_lite.service_manager import ServiceManager
from sendook_lite.settings import Settings

log = structlog.get_logger(__name__)

HANDING_OVER_SECONDS = 15.0
"""How long the relay may take at the end to say that it has a mail; else it gets it again."""


@dataclass(frozen=True, slots=True)
class Started:
    """What there is to tell once everything is up.

    ``addresses`` say where each door is, by name; ``new_key`` is the key that had to be made.
    """

    addresses: dict[str, str]
    data_dir: Path
    public_url: str
    new_key: str | None


class App:
    """One server, built from its settings; the command line and the tests start the same."""

    def __init__(
        self,
        settings: Settings,
        *,
        environment_key: str | None = None,
        dev: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._environment_key = environment_key
        self._dev = dev
        self._clock = clock or SystemClock()
        self._data_dir = Path(settings.server.data_dir).absolute()
        domains = settings.domains
        self._signer = read_signer(domains.dkim_key_file, domains.dkim_selector)

    async def run(self, stop: asyncio.Event, started: Callable[[Started], None]) -> None:
        """Serve until ``stop`` is set, then end gracefully.

        Raises:
            SendookError: it cannot start; the message says why and what would help.
            BaseExceptionGroup: a part died while serving.
        """
        manager = ServiceManager(os.environ, self._clock)
        async with AsyncExitStack() as stack:
            core = await build_core(self._settings, self._data_dir, self._clock, stack)
            await core.scheduler.recover()
            async with asyncio.TaskGroup() as group, AsyncExitStack() as opened:
                doors = Doors(self._settings, self._data_dir, opened, dev=self._dev)
                condition = Condition(core, doors.addresses)
                for work in (*work_of(core, condition), manager.beat()):
                    opened.callback(group.create_task(work).cancel)
                public_url = await self._open(core, doors, condition, group, opened)
                # Last of all: a key that is made by a start that fails would never be seen.
                new_key = await core.access.bootstrap(self._environment_key)
                condition.began()
                log.info("started", version=__version__, data_dir=str(self._data_dir))
                started(Started(doors.addresses, self._data_dir, public_url, new_key))
                manager.ready()
                await stop.wait()
                log.info("stopping, what is under way is let finish")
                manager.stopping()
                condition.ends()
        log.info("stopped, everything is on disk")

    async def _open(
        self,
        core: Core,
        doors: Doors,
        condition: Condition,
        group: asyncio.TaskGroup,
        opened: AsyncExitStack,
    ) -> str:
        """Open the doors, and before them what handles what comes in; returns the public URL.

        Last up, first down: what comes in stops before what handles it.
        """
        opened.push_async_callback(core.scheduler.drain, self._settings.delivery.timeout)
        public_url = doors.bind()
        mail = await build_mail(core, public_url, self._signer)
        if mail.outbox is not None:
            condition.sends_through(mail.outbox)
            opened.callback(group.create_task(mail.outbox.run()).cancel)
            opened.push_async_callback(mail.outbox.drain, HANDING_OVER_SECONDS)
        await doors.serve(core, mail, condition, public_url)
        return public_url
