"""What keeps going while the server serves, whether or not anybody asks for something."""

from collections.abc import Coroutine
from typing import Any

import structlog

from sendook_lite import __version__
from sendook_lite.app.condition import Condition
from sendook_lite.app.core import Core
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.outbound.heartbeat import Heartbeat
from sendook_lite.usecases.retention import Ages, Retention
from sendook_lite.usecases.upkeep import Upkeep

UPKEEP_SECONDS = 1.0
NOTE_USE_SECONDS = 60.0

log = structlog.get_logger(__name__)


def work_of(core: Core, condition: Condition) -> list[Coroutine[Any, Any, None]]:
    """Return all that is to run until the server ends, each by itself."""
    settings, kept = core.settings, core.settings.retention
    work = [
        core.store.writer.watch(),
        core.scheduler.run(),
        core.scheduler.settle(),
        core.alerting.run(),
        core.replays.run(),
        Retention(core.turns, core.clock, Ages(kept.events, kept.messages)).run(),
        _keep_up(core),
        _note_key_use(core),
    ]
    if core.backups is not None:
        work.append(core.backups.run())
    if url := settings.alerts.heartbeat_url:
        work.append(Heartbeat(url, __version__, core.clock, condition.trouble).run())
    return work


async def _keep_up(core: Core) -> None:
    """Finish in the background what was only marked, and see a failing store recover."""
    store = core.store
    upkeep = Upkeep(store, core.turns)
    told = None
    store.ensure_in_place()
    while True:
        await core.clock.sleep(UPKEEP_SECONDS)
        store.ensure_in_place()
        failing = store.writer.failure
        try:
            if failing:
                await upkeep.try_to_write()
            await upkeep.run()
        except StoreFailed as error:
            if error.message != told:
                log.error("the store fails", reason=error.message)  # noqa: TRY400 - said
            told = error.message
            continue
        if failing or told:
            log.info("the store works again", failed_with=told or failing)
            told = None
            core.scheduler.resume()


async def _note_key_use(core: Core) -> None:
    while True:
        await core.clock.sleep(NOTE_USE_SECONDS)
        try:
            await core.access.note_use()
        except StoreFailed as error:
            log.warning("the last use of keys was not noted", reason=error.message)
