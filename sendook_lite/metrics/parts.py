"""The parts whose numbers are shown, and the door to the page; cheap until somebody asks."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from sendook_lite.api.context import MetricsPage, RequestCounts
from sendook_lite.delivery.scheduler import Scheduler
from sendook_lite.inbound.eventsocket import EventSocketServer
from sendook_lite.inbound.lmtp import LmtpServer
from sendook_lite.outbound.alerting import Alerting
from sendook_lite.store.database import Store
from sendook_lite.store.space import DiskSpace
from sendook_lite.usecases.backlog import BacklogWatch
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.tail import Tails


def _nothing() -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that keeps numbers.

    Attributes:
        now: the time that ages are measured against, in ms.
        unready: why no work can be taken now; None when it can.
        relayed: mails handed to the relay since the start, by what became of them.
    """

    store: Store
    space: DiskSpace
    publisher: Publisher
    scheduler: Scheduler
    backlog: BacklogWatch
    alerting: Alerting
    lmtp: LmtpServer
    event_socket: EventSocketServer
    tails: Tails
    requests: RequestCounts
    now: Callable[[], int]
    unready: Callable[[], str | None]
    relayed: Callable[[], Mapping[str, int]] = _nothing


async def render(parts: Parts, accept: str) -> MetricsPage:
    """Render all metrics.

    The library behind is loaded when the first one asks, on a thread: most servers are never asked,
    and it takes a tenth of a second.
    """
    page = await asyncio.to_thread(import_module, "sendook_lite.metrics.page")
    rendered: MetricsPage = await page.render(parts, accept)
    return rendered
