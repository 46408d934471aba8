"""The API over a real loopback socket, on a real store; only the far ends are stand-ins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiohttp import web

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
from sendook_lite.usecases.intake import Intake, IntakeRules
from sendook_lite.usecases.mailbox import Mailbox
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.replay import Replays
from sendook_lite.usecases.served_domains import ServedDomains
from sendook_lite.usecases.sessions import Sessions
from sendook_lite.usecases.tail import Tails
from tests.fakes import FakeDns, RecordingFeed, ScriptedProbe
from tests.sending import build_sending

PUBLIC_URL = "https://mail.example.com"
ABSENT = "0" * 26


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)


@dataclass
class Api:
    """A running API and a client of it."""

    context: ApiContext
    intake: Intake
    probe: ScriptedProbe
    feed: RecordingFeed
    dns: FakeDns
    session: aiohttp.ClientSession
    url: str
    key: str
    sites: list[web.AppRunner] = field(default_factory=list)

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = "", **more: Any
    ) -> Reply:
        """Make a request; ``key`` "" is the admin key, None is none at all."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {key or self.key}"
        if body is not None:
            more["data"] = orjson.dumps(body) if isinstance(body, dict | list) else body
            headers.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, self.url + path, headers=headers, allow_redirects=False, **more
        ) as answer:
            endless = answer.content_type == "text/event-stream"
            return Reply(answer.status, answer.headers, b"" if endless else await answer.read())

    async def get(self, path: str, **more: Any) -> Any:
        reply = await self.call("GET", path, **more)
        assert reply.status == 200, reply.raw
        return reply.json

    async def make(self, path: str, body: Any, **more: Any) -> Any:
        reply = await self.call("POST", path, body, **more)
        assert reply.status == 201, reply.raw
        return reply.json

    async def make_key(self, *scopes: str, inbox_ids: list[str] | None = None) -> str:
        body: dict[str, Any] = {"name": "made", "scopes": list(scopes)}
        if inbox_ids:
            body["inboxIds"] = inbox_ids
        key: str = (await self.make("/v1/api_keys", body))["key"]
        return key

    async def receive(self, address: str, raw: bytes) -> str:
        """Let a mail come in; returns the message's id."""
        stored = await self.intake.receive(await self.intake.prepare(raw), address, "a@example.org")
        return stored.message_id

    async def serve(self, *, operator: bool = False, **changes: Any) -> str:
        """Serve another application beside the first, with a changed context; returns its URL."""
        context = replace(self.context, **changes)
        url, site = await serve(build(context, operator=operator))
        self.sites.append(site)
        return url


async def serve(app: web.Application) -> tuple[str, web.AppRunner]:
    serving = runner(app, shutdown_timeout=1)
    await serving.setup()
    site = web.TCPSite(serving, "127.0.0.1", 0)
    await site.start()
    host, port = serving.addresses[0][:2]
    return f"http://{host}:{port}", serving


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """An API of one's own."""
    async with _running(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """One API for a whole module whose tests leave nothing behind that matters."""
    async with _running(tmp_path_factory.mktemp("shared")) as made:
        yield made


@asynccontextmanager
async def _running(tmp_path: Path) -> AsyncIterator[Api]:
    clock = SystemClock()
    ids = Ids(clock)
    store = Store(tmp_path / "data", clock, ids)
    await store.open()
    tails = Tails(store.reader, clock)
    access = Access(store, clock, tails.close_of_key)
    key = await access.bootstrap(None)
    assert key is not None
    feed, probe = RecordingFeed(), ScriptedProbe()
    publisher = Publisher(feed, 1_048_576, tails.grew)
    served, dns = ServedDomains(("localhost.test",)), FakeDns()
    inboxes = Inboxes(store, publisher, served)
    rules = IntakeRules("reject", 0, "", 262_144, PUBLIC_URL)
    context = ApiContext(
        settings=Settings(),
        public_url=PUBLIC_URL,
        store=store,
        access=access,
        sessions=Sessions(store, access, clock),
        inboxes=inboxes,
        mailbox=Mailbox(store),
        domains=Domains(store, served, dns, RecordRules("mx.example.com"), trust=False),
        endpoints=Endpoints(store, feed, probe, Guard(()), clock, ids, allow_http=False),
        replays=Replays(store, feed, clock),
        sending=build_sending(store, publisher, clock, PUBLIC_URL),
        tails=tails,
        idempotency=Idempotency(store, clock),
        clock=clock,
        health=lambda: {"version": "x"},
        ready=lambda: None,
        ensure_room=lambda: None,
        dev=True,
    )
    url, serving = await serve(build(context))
    async with aiohttp.ClientSession() as session:
        made = Api(
            context,
            Intake(store, publisher, inboxes, rules, clock, lambda: None),
            probe,
            feed,
            dns,
            session,
            url,
            key,
        )
        yield made
    tails.close()
    for site in (serving, *made.sites):
        await site.cleanup()
    await store.close()
