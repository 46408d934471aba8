"""The real management API for the client commands: on the admin socket and on loopback."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from structlog.testing import capture_logs

from sendook_lite.api.server import ApiContext, build, runner
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.dns_records import RecordRules
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.netguard import Guard
from sendook_lite.settings import Settings
from sendook_lite.store.database import Store
from sendook_lite.usecases.access import Access
from sendook_lite.usecases.domains import Domains
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.idempotency import Idempotency
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.mailbox import Mailbox
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.replay import Replays
from sendook_lite.usecases.served_domains import ServedDomains
from sendook_lite.usecases.sessions import Sessions
from sendook_lite.usecases.tail import Tails
from tests.fakes import FakeDns, RecordingFeed, ScriptedProbe
from tests.sending import build_sending

KEY = "sk_of_the_command_line_tests"


@dataclass
class ApiServer:
    """What runs; ``unready`` is why ``/readyz`` says no."""

    url: str = ""
    unready: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    end_streams: Callable[[], object] = field(default=lambda: None)


@contextmanager
def serving(data_dir: Path) -> Iterator[ApiServer]:
    """Serve the API in a thread of its own: the commands under test block theirs."""
    server = ApiServer()
    started = threading.Event()
    ended: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        clock = SystemClock()
        store = Store(data_dir, clock, Ids(clock))
        await store.open()
        context = await _context(store, clock, server)
        sites = [await _site(build(context)), await _site(build(context, operator=True))]
        tcp = web.TCPSite(sites[0], "127.0.0.1", 0)
        await tcp.start()
        await web.UnixSite(sites[1], str(data_dir / "admin.sock")).start()
        server.url = "http://{}:{}".format(*sites[0].addresses[0])
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        ended.append((loop, stop))
        server.end_streams = lambda: loop.call_soon_threadsafe(context.tails.close)
        started.set()
        await stop.wait()
        context.tails.close()
        for site in sites:
            await site.cleanup()
        await store.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    with capture_logs():  # of the server; what commands print is under test
        yield server
    loop, stop = ended[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)
    assert not thread.is_alive()


async def _site(app: web.Application) -> web.AppRunner:
    site = runner(app, shutdown_timeout=1)
    await site.setup()
    return site


async def _context(store: Store, clock: SystemClock, server: ApiServer) -> ApiContext:
    tails = Tails(store.reader, clock)
    access = Access(store, clock, tails.close_of_key)
    await access.bootstrap(KEY)
    feed = RecordingFeed()
    publisher = Publisher(feed, 1_048_576, tails.grew)
    served = ServedDomains(("localhost.test",))
    return ApiContext(
        settings=Settings(),
        public_url="http://mail.example.com",
        store=store,
        access=access,
        sessions=Sessions(store, access, clock),
        inboxes=Inboxes(store, publisher, served),
        mailbox=Mailbox(store),
        domains=Domains(store, served, FakeDns(), RecordRules("mx.example.com"), trust=False),
        endpoints=Endpoints(
            store, feed, ScriptedProbe(), Guard(()), clock, Ids(clock), allow_http=False
        ),
        replays=Replays(store, feed, clock),
        sending=build_sending(store, publisher, clock, "http://mail.example.com"),
        idempotency=Idempotency(store, clock),
        tails=tails,
        clock=clock,
        health=lambda: server.facts,
        ready=lambda: server.unready,
        ensure_room=lambda: None,
    )
