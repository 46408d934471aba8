"""Keeps a lane for every enabled webhook, and each lane as its webhook is now."""

import asyncio
from collections.abc import Callable, Collection, Sequence

import structlog

from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.delivery.lane import Lane
from sendook_lite.delivery.lanes import Lanes
from sendook_lite.domain.clock import SteadyClock
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.model import Secret, Webhook
from sendook_lite.settings import DeliverySettings
from sendook_lite.store import deliveries, webhooks
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx

log = structlog.get_logger(__name__)

MakeEndpoint = Callable[[Webhook, Sequence[Secret]], Endpoint]
_Loaded = tuple[Webhook, list[Secret], int | None]


class Roster:
    """Reads webhooks and makes, changes and removes their lanes.

    Args:
        store: where the webhooks are.
        steady: what due times are measured against.
        settings: what holds for webhooks that say nothing themselves.
        make_endpoint: prepares what is needed to reach a webhook.
        lanes: where the lanes go.
        wake: set when there is something to reload.
    """

    def __init__(
        self,
        store: Store,
        steady: SteadyClock,
        settings: DeliverySettings,
        make_endpoint: MakeEndpoint,
        lanes: Lanes,
        wake: asyncio.Event,
    ) -> None:
        self._store = store
        self._steady = steady
        self._settings = settings
        self._make_endpoint = make_endpoint
        self._lanes = lanes
        self._wake = wake
        self._changed: set[int] = set()
        self._reading: set[int] = set()
        self._owed: set[int] = set()

    def changed(self, webhook_seq: int) -> None:
        """Take note that a webhook was made, changed, disabled, or is owed more than before.

        Whoever changed it may rely on it: nothing is sent any more as it was before.
        """
        lane = self._lanes.get(webhook_seq)
        if lane is not None:
            self._lanes.invalidate(lane, self._steady.now())
        self._changed.add(webhook_seq)
        self._wake.set()

    def owed(self, webhook_seq: int) -> None:
        """Take note that something new is due for a webhook that has no lane.

        If the webhook is being read already, that is not begun anew: new events may come in faster
        than it can be read, and the lane would never be made.
        """
        self._owed.add(webhook_seq)
        if webhook_seq not in self._reading:
            self._changed.add(webhook_seq)
            self._wake.set()

    async def load_all(self) -> None:
        """Make the lanes of all enabled webhooks.

        Raises:
            StoreFailed: they cannot be read.
        """
        for loaded in (await self._store.writer.write(_load)).values():
            self._install(*loaded)

    async def reload(self) -> bool:
        """Bring the lanes of changed webhooks up to date; False when the store failed."""
        while self._changed:
            changed, self._changed = self._changed, set()
            self._reading = changed
            try:
                loaded = await self._store.writer.write(_load, changed)
            except StoreFailed:
                self._changed |= changed
                return False
            finally:
                self._reading = set()
            for seq in changed - self._changed:
                if seq in loaded:
                    self._install(*loaded[seq])
                else:
                    self._remove(seq)
        return True

    def _install(self, webhook: Webhook, secrets: list[Secret], first_due: int | None) -> None:
        """Make the lane of an enabled webhook, or bring the one it has up to date."""
        now = self._steady.now()
        try:
            endpoint = self._make_endpoint(webhook, secrets)
        except ValueError:
            # One row that cannot be used must not keep the other webhooks from being served.
            log.exception("a webhook cannot be prepared", webhook=webhook.id)
            self._remove(webhook.seq)
            return
        lane = self._lanes.get(webhook.seq)
        if lane is not None and lane.url == webhook.url and not _starts_over(lane, webhook):
            lane.endpoint = endpoint
            lane.outdated = False
        else:
            lane = Lane(
                webhook.seq,
                webhook.url,
                endpoint,
                cap=self._settings.max_in_flight_per_webhook,
                consecutive_failures=webhook.consecutive_failures,
            )
            self._lanes.add(lane)
        lane.rate_limit = webhook.rate_limit
        lane.schedule = self._settings.retry_schedule
        if webhook.retry_schedule is not None:
            lane.schedule = webhook.retry_schedule
        if first_due is not None:
            lane.expect(first_due)
        if webhook.seq in self._owed:  # since it was read
            lane.expect(now)
            self._owed.discard(webhook.seq)
        self._lanes.look(lane, now)

    def _remove(self, webhook_seq: int) -> None:
        self._owed.discard(webhook_seq)
        lane = self._lanes.get(webhook_seq)
        if lane is not None:
            self._lanes.remove(lane)


def _starts_over(lane: Lane, webhook: Webhook) -> bool:
    """Say whether a webhook was disabled and enabled before anybody saw it disabled."""
    return lane.throttled and webhook.consecutive_failures == 0


def _load(tx: Tx, wanted: Collection[int] | None = None) -> dict[int, _Loaded]:
    """Read enabled webhooks, what signs for them, and when their first delivery is due."""
    loaded = {}
    for seq in webhooks.enabled(tx) if wanted is None else wanted:
        webhook = webhooks.find_by_seq(tx, seq)
        if webhook is not None and webhook.status == "enabled":
            first_due = deliveries.first_due(tx, seq)
            loaded[seq] = (webhook, webhooks.secrets_in(tx, seq), first_due)
    return loaded
