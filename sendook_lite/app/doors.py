"""The doors: every listener is bound first, then all are served; they close the other way round."""

import socket
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from sendook_lite.api.context import ApiContext, RequestCounts
from sendook_lite.api.reference import rendered
from sendook_lite.api.server import build, runner
from sendook_lite.app.condition import Condition
from sendook_lite.app.core import Core
from sendook_lite.app.mail import Mail
from sendook_lite.dashboard.context import DashboardContext
from sendook_lite.dashboard.site import add_pages
from sendook_lite.domain.netguard import Guard
from sendook_lite.inbound import listeners
from sendook_lite.inbound.eventsocket import EventSocketServer
from sendook_lite.inbound.listeners import Listener, TcpAddress, UnixAddress
from sendook_lite.inbound.lmtp import LmtpServer
from sendook_lite.metrics import parts as metrics
from sendook_lite.outbound import lmtp_push
from sendook_lite.outbound.fetching import fetch
from sendook_lite.settings import Settings
from sendook_lite.usecases.backlog import BacklogWatch
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.idempotency import Idempotency
from sendook_lite.usecases.mailbox import Mailbox
from sendook_lite.usecases.ses import Ses
from sendook_lite.usecases.sessions import Sessions

ADMIN_SOCKET = "admin.sock"
OPERATOR_ONLY = listeners.Access(0o600)

STOP_SECONDS = 5.0
"""How long answers that are under way may take at the end."""


class Doors:
    """The listeners of one server.

    Attributes:
        addresses: where each door is, by name; filled by ``bind``.
    """

    def __init__(
        self, settings: Settings, data_dir: Path, stack: AsyncExitStack, *, dev: bool
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._socket_dir = Path(settings.server.socket_dir or data_dir).absolute()
        self._stack = stack
        self._dev = dev
        self._listeners: dict[str, Listener] = {}
        self.addresses: dict[str, str] = {}

    def bind(self) -> str:
        """Open every listener that is not switched off; returns the public URL.

        Raises:
            SendookError: one cannot be opened.
        """
        settings = self._settings
        listeners.make_directory(self._socket_dir, settings.server.socket_group)
        local = listeners.Access(
            int(settings.server.socket_mode, base=8), settings.server.socket_group
        )
        self._bind("api", f"tcp:{settings.server.listen}", OPERATOR_ONLY)
        self._bind("admin", f"unix:{self._data_dir / ADMIN_SOCKET}", OPERATOR_ONLY)
        self._bind("lmtp", settings.inbound.lmtp, local)
        self._bind("events", settings.inbound.events, local)
        return settings.server.public_url.rstrip("/") or self.addresses["api"]

    async def serve(self, core: Core, mail: Mail, condition: Condition, public_url: str) -> None:
        """Serve every listener until the stack closes."""
        event_server = EventSocketServer(mail.lines)
        lmtp_server = LmtpServer(
            mail.intake,
            max_message_bytes=self._settings.inbound.max_message_bytes,
            hostname=self._settings.inbound.domains[0],
        )
        for name, server in (("events", event_server), ("lmtp", lmtp_server)):
            if (listener := self._listeners.get(name)) is not None:
                await server.start(listener.sock)
                self._stack.push_async_callback(server.stop, STOP_SECONDS)
        requests = RequestCounts()
        measured = metrics.Parts(
            store=core.store,
            space=core.space,
            publisher=core.publisher,
            scheduler=core.scheduler,
            backlog=BacklogWatch(core.store.reader, core.clock),
            alerting=core.alerting,
            lmtp=lmtp_server,
            event_socket=event_server,
            tails=core.tails,
            requests=requests,
            now=core.clock.now,
            unready=condition.unready,
            relayed=condition.relayed,
        )
        context = self._api_context(core, mail, condition, public_url, measured)
        await self._serve_http(build(context, operator=True), self._listeners["admin"].sock)
        site = build(context, operator=False)
        add_pages(site, self._dashboard_context(context))
        await self._serve_http(site, self._listeners["api"].sock)
        self._stack.callback(core.tails.close)  # streams end by nothing else

    def _api_context(
        self, core: Core, mail: Mail, condition: Condition, public_url: str, measured: metrics.Parts
    ) -> ApiContext:
        settings, store, clock = self._settings, core.store, core.clock
        topics = settings.ses.topic_arns
        endpoints = Endpoints(
            store,
            core.scheduler,
            core.scheduler.probe,
            Guard(settings.delivery.allow_networks),
            clock,
            core.ids,
            allow_http=settings.delivery.allow_http,
        )
        return ApiContext(
            settings=settings,
            public_url=public_url,
            dev=self._dev,
            store=store,
            access=core.access,
            sessions=Sessions(store, core.access, clock),
            inboxes=mail.inboxes,
            mailbox=Mailbox(store),
            domains=mail.domains,
            endpoints=endpoints,
            replays=core.replays,
            sending=mail.sending,
            tails=core.tails,
            idempotency=Idempotency(store, clock),
            clock=clock,
            health=condition.health,
            ready=condition.unready,
            ensure_room=core.space.ensure,
            metrics=lambda accept: metrics.render(measured, accept),
            requests=measured.requests,
            ses=Ses(mail.lines, mail.report_mail, topics, fetch, clock) if topics else None,
        )

    def _dashboard_context(self, api: ApiContext) -> DashboardContext:
        """Return what the dashboard is given: the API's use cases, and two doors of its own."""

        async def push_mail(recipient: str, mail: bytes) -> tuple[int, str]:
            address = self.addresses.get("lmtp", "").removeprefix("http://").removeprefix("unix:")
            return await lmtp_push.push(address, recipient, mail)

        return DashboardContext(
            settings=self._settings,
            public_url=api.public_url,
            store=api.store,
            access=api.access,
            sessions=api.sessions,
            inboxes=api.inboxes,
            mailbox=api.mailbox,
            domains=api.domains,
            endpoints=api.endpoints,
            replays=api.replays,
            clock=api.clock,
            addresses=self.addresses,
            health=api.health,
            describe_api=lambda: rendered(api.public_url, dev=self._dev),
            push_mail=push_mail,
        )

    def _bind(self, name: str, setting: str, access: listeners.Access) -> None:
        address = listeners.parse_address(setting, self._socket_dir)
        if address is None:
            return
        listener = listeners.listen(address, access)
        self._stack.callback(listener.close)
        self._listeners[name] = listener
        self.addresses[name] = _shown(listener.address)

    async def _serve_http(self, site: web.Application, sock: socket.socket) -> None:
        serving = runner(site, shutdown_timeout=STOP_SECONDS)
        await serving.setup()
        self._stack.push_async_callback(serving.cleanup)
        await web.SockSite(serving, sock).start()


def _shown(address: TcpAddress | UnixAddress) -> str:
    """Write an address the way it is used: as a URL, or as a path."""
    if isinstance(address, UnixAddress):
        return str(address)
    return str(address).replace("tcp:", "http://", 1)
