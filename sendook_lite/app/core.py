"""Builds what stands on the store: the log, deliveries, alerts, keys, backups."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sendook_lite import __version__
from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.delivery.scheduler import Scheduler
from sendook_lite.delivery.sender import Sender
from sendook_lite.domain.clock import MS_PER_SECOND, Clock
from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.endpoint_url import parse as parse_url
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import Secret, Webhook
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.signing import signing_key
from sendook_lite.outbound.alert_ways import ways_to_tell
from sendook_lite.outbound.alerting import Alerting
from sendook_lite.settings import DeliverySettings, Settings
from sendook_lite.store.database import DATABASE_NAME, Store
from sendook_lite.store.space import DiskSpace
from sendook_lite.usecases.access import Access
from sendook_lite.usecases.backups import Backups
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.replay import Replays
from sendook_lite.usecases.settling import Settling
from sendook_lite.usecases.tail import Tails
from sendook_lite.usecases.turns import Turns

GATHER_SECONDS = 0.05
"""How long outcomes of attempts wait for each other until they are committed together."""


@dataclass(frozen=True, slots=True)
class Core:
    """What everything else is built upon; ``backups`` only where the settings ask for them."""

    settings: Settings
    clock: Clock
    ids: Ids
    store: Store
    space: DiskSpace
    backups: Backups | None
    alerting: Alerting
    scheduler: Scheduler
    publisher: Publisher
    tails: Tails
    access: Access
    replays: Replays
    turns: Turns


async def build_core(
    settings: Settings, data_dir: Path, clock: Clock, stack: AsyncExitStack
) -> Core:
    """Open the store and build upon it; the stack takes everything down again.

    Raises:
        SendookError: the store cannot be used, or a setting cannot be right.
    """
    ids = Ids(clock)
    backups = _build_backups(settings, data_dir, clock)
    store = Store(data_dir, clock, ids, backups.before_migration if backups else None)
    await store.open()
    stack.push_async_callback(store.close)
    alerting = Alerting(store, ways_to_tell(settings, __version__), clock)
    scheduler = _build_scheduler(settings.delivery, clock, store, alerting, stack)
    tails = Tails(store.reader, clock)
    return Core(
        settings=settings,
        clock=clock,
        ids=ids,
        store=store,
        space=DiskSpace(data_dir, settings.server.min_free_bytes, clock),
        backups=backups,
        alerting=alerting,
        scheduler=scheduler,
        publisher=Publisher(scheduler, settings.delivery.max_body_bytes, tails.grew),
        tails=tails,
        access=Access(store, clock, tails.close_of_key),
        replays=Replays(store, scheduler, clock),
        turns=Turns(store.writer, clock),
    )


def _build_backups(settings: Settings, data_dir: Path, clock: Clock) -> Backups | None:
    kept = settings.backup
    if not kept.dir:
        return None
    return Backups(data_dir / DATABASE_NAME, Path(kept.dir).absolute(), kept.keep, clock)


def _build_scheduler(
    settings: DeliverySettings,
    clock: Clock,
    store: Store,
    alerting: Alerting,
    stack: AsyncExitStack,
) -> Scheduler:
    resolver = Resolver(clock)
    stack.callback(resolver.close)
    sender = Sender(
        guard=Guard(settings.allow_networks),
        resolver=resolver,
        clock=clock,
        version=__version__,
        ca_file=settings.ca_file or None,
    )
    rule = DisableRule(settings.disable_after_failures, settings.disable_after * MS_PER_SECOND)
    return Scheduler(
        store,
        sender,
        clock,
        settings,
        endpoints_with(settings.timeout),
        Settling(rule, alerting.channels),
        alerting,
        GATHER_SECONDS,
    )


def endpoints_with(timeout: float) -> Callable[[Webhook, Sequence[Secret]], Endpoint]:
    """Return what prepares all that is needed to reach a webhook; ``timeout`` where it has none."""

    def make_endpoint(webhook: Webhook, secrets: Sequence[Secret]) -> Endpoint:
        return Endpoint(
            webhook_id=webhook.id,
            url=parse_url(webhook.url),
            keys=tuple(signing_key(secret) for secret in secrets),
            headers=webhook.headers,
            timeout=timeout if webhook.timeout is None else webhook.timeout,
        )

    return make_endpoint
