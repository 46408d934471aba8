"""The composition root: builds every part from the settings, starts and stops them in order."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from sendook_lite import __version__
from sendook_lite.api.context import RequestCounts
from sendook_lite.api.reference import rendered
from sendook_lite.api.server import ApiContext, build, runner
from sendook_lite.dashboard.context import DashboardContext
from sendook_lite.dashboard.site import add_pages
from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.delivery.scheduler import Scheduler
from sendook_lite.delivery.sender import Sender
from sendook_lite.domain.clock import MS_PER_SECOND, Clock, SteadyClock, SystemClock
from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.dns_records import RecordRules
from sendook_lite.domain.endpoint_url import parse as parse_url
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import Secret, Webhook
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.ses_headers import add_ses_headers
from sendook_lite.domain.signing import signing_key
from sendook_lite.domain.tokens import SECRET_BYTES, Tokens
from sendook_lite.inbound import listeners
from sendook_lite.inbound.eventsocket import EventSocketServer
from sendook_lite.inbound.listeners import Listener, TcpAddress, UnixAddress
from sendook_lite.inbound.lmtp import LmtpServer
from sendook_lite.metrics import parts as metrics
from sendook_lite.outbound import lmtp_push
from sendook_lite.outbound.alert_ways import ways_to_tell
from sendook_lite.outbound.alerting import Alerting
from sendook_lite.outbound.dkim_key import read_signer
from sendook_lite.outbound.dns_lookup import SystemDns
from sendook_lite.outbound.fetching import fetch
from sendook_lite.outbound.heartbeat import Heartbeat
from sendook_lite.outbound.outbox import Outbox
from sendook_lite.outbound.relay import build_relay
from sendook_lite.service_manager import ServiceManager
from sendook_lite.settings import Settings, parse_name_server
from sendook_lite.store import meta
from sendook_lite.store.database import DATABASE_NAME, Store
from sendook_lite.store.space import DiskSpace
from sendook_lite.usecases.access import Access
from sendook_lite.usecases.backlog import BacklogWatch
from sendook_lite.usecases.backups import Backups
from sendook_lite.usecases.domains import Domains
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.event_lines import EventLines
from sendook_lite.usecases.idempotency import Idempotency
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.intake import Intake, IntakeRules
from sendook_lite.usecases.mailbox import Mailbox
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.replay import Replays
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.reports import Reports
from sendook_lite.usecases.retention import Ages, Retention
from sendook_lite.usecases.sending import Sending, SendingRules
from sendook_lite.usecases.served_domains import ServedDomains
from sendook_lite.usecases.ses import Ses
from sendook_lite.usecases.sessions import Sessions
from sendook_lite.usecases.settling import Settling
from sendook_lite.usecases.submitting import Submitting
from sendook_lite.usecases.tail import Tails
from sendook_lite.usecases.turns import Turns
from sendook_lite.usecases.upkeep import Upkeep

ADMIN_SOCKET = "admin.sock"
OPERATOR_ONLY = listeners.Access(0o600)

STOP_SECONDS = 5.0
"""How long answers that are under way may take at the end."""

HANDING_OVER_SECONDS = 15.0
"""How long the relay may take at the end to say that it has a mail; else it gets it again."""

UPKEEP_SECONDS = 1.0
GATHER_SECONDS = 0.01
"""How long outcomes of attempts wait for each other until they are committed together."""

NOTE_USE_SECONDS = 60.0

log = structlog.get_logger(__name__)


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
        self._socket_dir = Path(settings.server.socket_dir or self._data_dir).absolute()
        self._addresses: dict[str, str] = {}
        self._started_at: int | None = None
        self._outbox: Outbox | None = None
        domains = settings.domains
        self._signer = read_signer(domains.dkim_key_file, domains.dkim_selector)

    async def run(self, stop: asyncio.Event, started: Callable[[Started], None]) -> None:
        """Serve until ``stop`` is set, then end gracefully.

        Raises:
            SendookError: it cannot start; the message says why and what would help.
            BaseExceptionGroup: a part died while serving.
        """
        async with AsyncExitStack() as stack:
            ids = Ids(self._clock)
            backups = self._build_backups()
            store = Store(
                self._data_dir, self._clock, ids, backups.before_migration if backups else None
            )
            await store.open()
            stack.push_async_callback(store.close)
            alerting = Alerting(store, ways_to_tell(self._settings, __version__), self._clock)
            scheduler = self._build_scheduler(store, alerting, stack)
            tails = Tails(store.reader, self._clock)
            access = Access(store, self._clock, tails.close_of_key)
            replays = Replays(store, scheduler, self._clock)
            turns = Turns(store.writer, self._clock)
            kept = self._settings.retention
            retention = Retention(turns, self._clock, Ages(kept.events, kept.messages))
            space = DiskSpace(self._data_dir, self._settings.server.min_free_bytes, self._clock)
            manager = ServiceManager(os.environ, self._clock)
            await scheduler.recover()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(work)
                    for work in (
                        store.writer.watch(),
                        scheduler.run(),
                        scheduler.settle(),
                        alerting.run(),
                        replays.run(),
                        self._keep_up(store, turns, scheduler),
                        retention.run(),
                        self._note_key_use(access),
                        manager.beat(),
                        *self._watch_over(store, space, backups),
                    )
                ]
                async with AsyncExitStack() as doors:
                    # Last up, first down: what comes in stops before what handles it.
                    doors.push_async_callback(scheduler.drain, self._settings.delivery.timeout)
                    public_url = await self._open_doors(
                        store,
                        scheduler,
                        alerting,
                        access,
                        replays,
                        tails,
                        ids,
                        space,
                        backups,
                        group,
                        doors,
                    )
                    # Last of all: a key that is made by a start that fails would never be seen.
                    new_key = await access.bootstrap(self._environment_key)
                    self._started_at = self._clock.now()
                    started(Started(self._addresses, self._data_dir, public_url, new_key))
                    manager.ready()
                    await stop.wait()
                    manager.stopping()
                    self._started_at = None
                for task in tasks:
                    task.cancel()

    # --- building

    def _build_backups(self) -> Backups | None:
        kept = self._settings.backup
        if not kept.dir:
            return None
        directory = Path(kept.dir).absolute()
        return Backups(self._data_dir / DATABASE_NAME, directory, kept.keep, self._clock)

    def _build_scheduler(
        self, store: Store, alerting: Alerting, stack: AsyncExitStack
    ) -> Scheduler:
        settings = self._settings.delivery
        resolver = Resolver(self._clock)
        stack.callback(resolver.close)
        sender = Sender(
            guard=Guard(settings.allow_networks),
            resolver=resolver,
            clock=self._clock,
            version=__version__,
            ca_file=settings.ca_file or None,
        )
        rule = DisableRule(settings.disable_after_failures, settings.disable_after * MS_PER_SECOND)
        settling = Settling(rule, alerting.channels)
        return Scheduler(
            store,
            sender,
            self._clock,
            settings,
            self._make_endpoint,
            settling,
            alerting,
            GATHER_SECONDS,
        )

    def _make_endpoint(self, webhook: Webhook, secrets: Sequence[Secret]) -> Endpoint:
        """Prepare what is needed to reach a webhook."""
        timeout = self._settings.delivery.timeout if webhook.timeout is None else webhook.timeout
        return Endpoint(
            webhook_id=webhook.id,
            url=parse_url(webhook.url),
            keys=tuple(signing_key(secret) for secret in secrets),
            headers=webhook.headers,
            timeout=timeout,
        )

    def _build_domains(self, store: Store, served: ServedDomains) -> Domains:
        settings = self._settings.domains
        signer = self._signer
        rules = RecordRules(
            mx_host=settings.mx_host,
            spf_include=settings.spf_include,
            dkim=None if signer is None else (signer.selector, signer.record),
        )
        look_up = SystemDns(tuple(map(parse_name_server, settings.resolver)))
        return Domains(store, served, look_up, rules, trust=settings.trust)

    async def _open_doors(
        self,
        store: Store,
        scheduler: Scheduler,
        alerting: Alerting,
        access: Access,
        replays: Replays,
        tails: Tails,
        ids: Ids,
        space: DiskSpace,
        backups: Backups | None,
        group: asyncio.TaskGroup,
        doors: AsyncExitStack,
    ) -> str:
        """Build the use cases, bind every listener, then serve; returns the public URL."""
        settings, clock = self._settings, self._clock
        listeners.make_directory(self._socket_dir, settings.server.socket_group)
        api = self._bind("api", f"tcp:{settings.server.listen}", OPERATOR_ONLY, doors)
        admin = self._bind("admin", f"unix:{self._data_dir / ADMIN_SOCKET}", OPERATOR_ONLY, doors)
        local = listeners.Access(
            int(settings.server.socket_mode, base=8), settings.server.socket_group
        )
        lmtp = self._bind("lmtp", settings.inbound.lmtp, local, doors)
        events = self._bind("events", settings.inbound.events, local, doors)
        public_url = settings.server.public_url.rstrip("/") or self._addresses["api"]

        publisher = Publisher(scheduler, settings.delivery.max_body_bytes, tails.grew)
        served = ServedDomains(settings.inbound.domains)
        domains = self._build_domains(store, served)
        await domains.load()
        inboxes = Inboxes(store, publisher, served)
        rules = IntakeRules(
            unknown_recipients=settings.inbound.unknown_recipients,
            create_per_hour=settings.inbound.create_per_hour,
            catch_all=settings.inbound.catch_all,
            inline_attachments=settings.delivery.inline_attachments,
            public_url=public_url,
        )
        reports = Reports(publisher, public_url)
        tokens = Tokens(
            await store.writer.write(meta.token_secret, lambda: secrets.token_bytes(SECRET_BYTES))
        )
        report_mail = ReportMail(reports, tokens, settings.inbound.report_addresses)
        intake = Intake(store, publisher, inboxes, rules, clock, space.ensure, report_mail)
        lines = EventLines(store, publisher, intake, reports, space.ensure)
        sending = self._build_sending(store, publisher, reports, tokens, ids, intake)
        if self._outbox is not None:
            running = group.create_task(self._outbox.run())
            doors.callback(running.cancel)
            doors.push_async_callback(self._outbox.drain, HANDING_OVER_SECONDS)
        topics = settings.ses.topic_arns
        endpoints = Endpoints(
            store,
            scheduler,
            scheduler.probe,
            Guard(settings.delivery.allow_networks),
            clock,
            ids,
            allow_http=settings.delivery.allow_http,
        )
        lmtp_server = LmtpServer(
            intake,
            max_message_bytes=settings.inbound.max_message_bytes,
            hostname=settings.inbound.domains[0],
        )
        event_server = EventSocketServer(lines)
        requests = RequestCounts()
        measured = metrics.Parts(
            store=store,
            space=space,
            publisher=publisher,
            scheduler=scheduler,
            backlog=BacklogWatch(store.reader, clock),
            alerting=alerting,
            lmtp=lmtp_server,
            event_socket=event_server,
            tails=tails,
            requests=requests,
            now=clock.now,
            unready=lambda: self._unready(store, space),
            relayed=self._relayed,
        )
        sessions = Sessions(store, access, clock)
        context = ApiContext(
            settings=settings,
            public_url=public_url,
            dev=self._dev,
            store=store,
            access=access,
            sessions=sessions,
            inboxes=inboxes,
            mailbox=Mailbox(store),
            domains=domains,
            endpoints=endpoints,
            replays=replays,
            sending=sending,
            tails=tails,
            idempotency=Idempotency(store, clock),
            clock=clock,
            health=lambda: self._health(store, scheduler, alerting, space, backups),
            ready=lambda: self._unready(store, space),
            ensure_room=space.ensure,
            metrics=lambda accept: metrics.render(measured, accept),
            requests=requests,
            ses=Ses(lines, report_mail, topics, fetch, clock) if topics else None,
        )
        for listener, server in (
            (events, event_server),
            (lmtp, lmtp_server),
        ):
            if listener is not None:
                await server.start(listener.sock)
                doors.push_async_callback(server.stop, STOP_SECONDS)
        for listener, operator in ((admin, True), (api, False)):
            if listener is not None:
                site = build(context, operator=operator)
                if not operator:
                    add_pages(site, self._dashboard(context))
                await _serve_http(site, listener.sock, doors)
        doors.callback(tails.close)  # streams end by nothing else
        return public_url

    def _build_sending(
        self,
        store: Store,
        publisher: Publisher,
        reports: Reports,
        tokens: Tokens,
        ids: Ids,
        intake: Intake,
    ) -> Sending:
        """Build what accepts mail, and, where there is a relay, what hands it over."""
        settings, steady = self._settings, SteadyClock(self._clock)
        relay = build_relay(
            settings.relay.url, settings.inbound.domains[0], deliver=intake.deliver_here
        )
        if relay is not None:
            ses = settings.ses
            dress = partial(
                add_ses_headers,
                configuration_set=ses.configuration_set,
                tags=ses.message_tags,
            )
            submitting = Submitting(store, publisher, reports, tokens, steady.now, dress)
            self._outbox = Outbox(submitting, relay, self._clock)
        return Sending(
            store,
            publisher,
            reports,
            tokens,
            SendingRules(settings.limits.sends_per_hour, settings.delivery.inline_attachments),
            self._clock,
            ids,
            steady.now,
            None if self._outbox is None else self._outbox.accepted,
            sign=(lambda raw, _: raw) if self._signer is None else self._signer.sign,
        )

    def _dashboard(self, api: ApiContext) -> DashboardContext:
        """Build what the dashboard is given: the use cases of the API, and two doors of its own."""

        async def push_mail(recipient: str, mail: bytes) -> tuple[int, str]:
            address = self._addresses.get("lmtp", "").removeprefix("http://").removeprefix("unix:")
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
            clock=self._clock,
            addresses=self._addresses,
            health=api.health,
            describe_api=lambda: rendered(api.public_url, dev=self._dev),
            push_mail=push_mail,
        )

    def _bind(
        self, name: str, setting: str, access: listeners.Access, doors: AsyncExitStack
    ) -> Listener | None:
        """Open a listener and remember where it is; None when the setting says off."""
        address = listeners.parse_address(setting, self._socket_dir)
        if address is None:
            return None
        listener = listeners.listen(address, access)
        doors.callback(listener.close)
        self._addresses[name] = _shown(listener.address)
        return listener

    # --- what keeps going while it serves

    async def _keep_up(self, store: Store, turns: Turns, scheduler: Scheduler) -> None:
        """Finish in the background what was only marked, and see a failing store recover."""
        upkeep = Upkeep(store, turns)
        told = None
        store.ensure_in_place()
        while True:
            await self._clock.sleep(UPKEEP_SECONDS)
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
                scheduler.resume()

    async def _note_key_use(self, access: Access) -> None:
        while True:
            await self._clock.sleep(NOTE_USE_SECONDS)
            try:
                await access.note_use()
            except StoreFailed as error:
                log.warning("the last use of keys was not noted", reason=error.message)

    def _watch_over(
        self, store: Store, space: DiskSpace, backups: Backups | None
    ) -> list[Coroutine[Any, Any, None]]:
        """Return what runs only when the settings ask for it."""

        def trouble() -> str | None:
            return self._unready(store, space) or (backups.failure if backups else None)

        url = self._settings.alerts.heartbeat_url
        work = [] if backups is None else [backups.run()]
        return [*work, Heartbeat(url, __version__, self._clock, trouble).run()] if url else work

    def _health(
        self,
        store: Store,
        scheduler: Scheduler,
        alerting: Alerting,
        space: DiskSpace,
        backups: Backups | None,
    ) -> dict[str, Any]:
        """Tell what is going on; ``healthy`` as long as there is anybody to ask."""
        now = self._clock.now()
        started_at = now if self._started_at is None else self._started_at
        return {
            "healthy": True,
            "version": __version__,
            "uptimeSeconds": (now - started_at) // MS_PER_SECOND,
            "listeners": self._addresses,
            "store": store.writer.failure or "ok",
            "freeBytes": space.free_bytes(),
            "delivery": scheduler.facts(),
            "alerts": alerting.facts(),
            **({"backup": backups.facts()} if backups else {}),
            "sending": {"relay": "off"} if self._outbox is None else self._outbox.facts(),
        }

    def _relayed(self) -> dict[str, int]:
        """Count the mails that the relay has taken."""
        return {} if self._outbox is None else {"handed_over": self._outbox.handed_over}

    def _unready(self, store: Store, space: DiskSpace) -> str | None:
        """Say why no work can be taken now; None when it can."""
        if self._started_at is None:
            return "starting or stopping"
        return store.writer.failure or space.shortage()


def _shown(address: TcpAddress | UnixAddress) -> str:
    """Write an address the way it is used: as a URL, or as a path."""
    if isinstance(address, UnixAddress):
        return str(address)
    return str(address).replace("tcp:", "http://", 1)


async def _serve_http(site: web.Application, sock: socket.socket, doors: AsyncExitStack) -> None:
    """Serve an application on a bound socket until the doors close."""
    serving = runner(site, shutdown_timeout=STOP_SECONDS)
    await serving.setup()
    doors.push_async_callback(serving.cleanup)
    await web.SockSite(serving, sock).start()
