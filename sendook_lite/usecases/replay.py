"""Sending again: one delivery by hand, or a whole period of the log, in turns and across restarts.

A replay is a row with a cursor. Each unit of work looks at some events and opens deliveries for
those that match; a process that is killed goes on where the last commit left the cursor, so no
event is passed over and none is opened twice.
"""

import asyncio
from dataclasses import dataclass

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import Conflict, FieldError, Invalid, StoreFailed
from sendook_lite.domain.events import wants
from sendook_lite.domain.model import Delivery, Replay, ReplayScope, Webhook
from sendook_lite.store import deliveries, replays, webhooks
from sendook_lite.store.companions import alone
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.ports import DeliveryFeed
from sendook_lite.usecases.upkeep import cancel_deliveries

EVENTS_PER_UNIT = 200
"""Events looked at in one unit of work: a few milliseconds of the writer."""

STORE_RETRY_SECONDS = 1.0
"""How long to wait before a store that failed is asked again."""

_REOPENED = {
    "undelivered": frozenset({"failed", "canceled"}),
    "failed": frozenset({"failed"}),
    "all": frozenset({"failed", "canceled", "delivered"}),
}
"""In which states a delivery is opened again; one that is pending is on its way already."""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Which events are to be sent again; times are epoch ms, both ends included."""

    since: int
    until: int | None = None
    events: tuple[str, ...] | None = None
    scope: ReplayScope = "undelivered"


class Replays:
    """The use cases around sending again."""

    def __init__(self, store: Store, feed: DeliveryFeed, clock: Clock) -> None:
        self._store = store
        self._feed = feed
        self._clock = clock
        self._wake = asyncio.Event()

    async def retry(self, delivery_id: str) -> Delivery:
        """Have one delivery attempted once more, now, whatever its state.

        Raises:
            NotFound: no such delivery.
            Conflict: its webhook is disabled.
        """
        await self._finish_canceling()
        webhook_seq = await self._store.writer.write(_retry, delivery_id, self._feed.now())
        self._feed.webhook_changed(webhook_seq)
        return await deliveries.get(self._store.reader, delivery_id)

    async def start(self, webhook_id: str, request: ReplayRequest) -> Replay:
        """Start a replay; the end of its period is fixed now.

        Raises:
            NotFound: no such webhook.
            Conflict: it is disabled.
            Invalid: the period ends before it begins, or an event is not subscribed.
        """
        await self._finish_canceling()
        replay = await self._store.writer.write(_start, webhook_id, request)
        self._wake.set()
        return replay

    async def cancel(self, webhook_id: str, replay_id: str) -> Replay:
        """End a replay and cancel what of it is still pending.

        Raises:
            NotFound: the webhook has no such replay.
            Conflict: it has ended.
        """
        replay = await self._store.writer.write(_cancel, webhook_id, replay_id)
        self._wake.set()
        return replay

    async def list_of_webhook(self, webhook_id: str) -> list[Replay]:
        """Return the replays of a webhook, newest first."""
        await webhooks.get(self._store.reader, webhook_id)
        return await replays.list_of_webhook(self._store.reader, webhook_id)

    async def run(self) -> None:
        """Work on replays, taking turns between them, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.work()
            except StoreFailed:
                # Told where the store is watched; the cursor is where the last commit left it.
                await self._clock.sleep(STORE_RETRY_SECONDS)
                continue
            await self._wake.wait()

    async def work(self) -> None:
        """Work until no replay has anything left to open or to cancel."""
        behind = 0
        while True:
            stepped = await self._store.writer.write(_step, behind, self._feed.now())
            if stepped is None:
                break
            behind = stepped.seq
            self._feed.webhook_changed(stepped.webhook_seq)
        while await self._store.writer.write(_cancel_pending):
            pass

    async def _finish_canceling(self) -> None:
        """Let disabled webhooks lose what they were owed before, not what is opened now."""
        with alone():
            while await self._store.writer.write(cancel_deliveries):
                pass


def _retry(tx: Tx, delivery_id: str, due_at: int) -> int:
    delivery = deliveries.get_in(tx, delivery_id)
    webhook = webhooks.get_in(tx, delivery.webhook_id)
    _ensure_enabled(webhook)
    deliveries.reopen(tx, delivery.seq, "manual", due_at)
    return webhook.seq


def _start(tx: Tx, webhook_id: str, request: ReplayRequest) -> Replay:
    webhook = webhooks.get_in(tx, webhook_id)
    _ensure_enabled(webhook)
    until = min(tx.now, tx.now if request.until is None else request.until)
    if request.since > until:
        raise _bad("since", "must not be later than until, nor lie in the future")
    for event in request.events or ():
        if event not in webhook.events:
            raise _bad("events", f"names {event}, to which this webhook is not subscribed")
    return replays.insert(tx, webhook, request.since, until, request.events, request.scope)


def _cancel(tx: Tx, webhook_id: str, replay_id: str) -> Replay:
    replay = replays.get_in(tx, webhook_id, replay_id)
    if replay.state != "running" and not deliveries.has_pending_of_replay(tx, replay.seq):
        raise Conflict("replay_ended", "The replay has ended, there is nothing left to cancel")
    replays.cancel(tx, replay)
    return replays.get_in(tx, webhook_id, replay_id)


def _step(tx: Tx, behind: int, due_at: int) -> Replay | None:
    """Open some deliveries of the next running replay; None when none is running."""
    replay = replays.find_running(tx, behind) or replays.find_running(tx, 0)
    if replay is None:
        return None
    webhook = webhooks.get_in(tx, replay.webhook_id)
    if webhook.status != "enabled":
        replays.cancel_of_webhook(tx, webhook.seq)
        return replay
    ahead = replays.events_ahead(tx, replay, EVENTS_PER_UNIT)
    subscribed = webhook.events if replay.events is None else replay.events
    matched = created = 0
    for event_seq, event_type, inbox_id, _ in ahead:
        if wants(subscribed, webhook.inbox_ids, event_type, inbox_id):
            opened = _open(tx, replay, event_seq, due_at)
            matched += opened is not None
            created += opened is True
    cursor = (ahead[-1][3], ahead[-1][0]) if ahead else (replay.cursor_at, replay.cursor_seq)
    done = len(ahead) < EVENTS_PER_UNIT
    replays.advance(tx, replay, cursor, matched=matched, created=created, done=done)
    return replay


def _open(tx: Tx, replay: Replay, event_seq: int, due_at: int) -> bool | None:
    """Owe an event again; False when it is on its way already, None when it is not asked for."""
    found = deliveries.find_of_event(tx, event_seq, replay.webhook_seq)
    if found is None:
        if replay.scope == "failed":
            return None
        deliveries.insert_replayed(tx, event_seq, replay.webhook_seq, due_at, replay.seq)
        return True
    seq, status = found
    if status == "pending":
        return False
    if status not in _REOPENED[replay.scope]:
        return None
    deliveries.reopen(tx, seq, "replay", due_at, replay.seq)
    return True


def _cancel_pending(tx: Tx) -> bool:
    """Cancel some pending deliveries of a canceled replay; False when there are none."""
    seq = replays.find_canceling(tx)
    if seq is None:
        return False
    if deliveries.cancel_of_replay(tx, seq, EVENTS_PER_UNIT) < EVENTS_PER_UNIT:
        replays.end_canceling(tx, seq)
    return True


def _ensure_enabled(webhook: Webhook) -> None:
    if webhook.status != "enabled":
        raise Conflict(
            "webhook_disabled",
            'The webhook is disabled: enable it first with PATCH {"status": "enabled"}',
        )


def _bad(path: str, message: str) -> Invalid:
    return Invalid(f"{path} {message}", (FieldError(path, message),))
