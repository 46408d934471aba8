"""Publishing: an event, and a delivery for every subscriber, in the caller's transaction."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sendook_lite.domain.model import DueDelivery, Event, NewEvent
from sendook_lite.store import deliveries, events
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.ports import DeliveryFeed


class Published(NamedTuple):
    """An event in the log and the deliveries it is owed, to be offered after the commit."""

    event: Event
    fresh: list[DueDelivery]


class Publisher:
    """Knows how large a body may be and who is to hear of new events and deliveries.

    ``grew`` is called when the log has grown, for those who follow it. ``counts`` are the events
    announced since the start, by type.
    """

    def __init__(
        self,
        feed: DeliveryFeed,
        max_body_bytes: int,
        grew: Callable[[], None] = lambda: None,
    ) -> None:
        self._feed = feed
        self._max_body_bytes = max_body_bytes
        self._grew = grew
        self.counts: Counter[str] = Counter()

    def publish(
        self,
        tx: Tx,
        event_type: str,
        payload: dict[str, Any],
        *,
        inbox_id: str | None = None,
        message_id: str | None = None,
    ) -> Published:
        """Add an event and what is owed for it; part of a unit of work."""
        new = NewEvent(event_type, payload, inbox_id, message_id)
        (published,) = self.publish_all(tx, [new])
        return published

    def publish_all(self, tx: Tx, happened: Sequence[NewEvent]) -> list[Published]:
        """Add events and what is owed for them, all with a few statements."""
        log = events.append(tx, happened, self._max_body_bytes)
        owed = deliveries.fan_out(tx, log, self._feed.now())
        return [Published(*each) for each in zip(log, owed, strict=True)]

    def announce(self, *published: Published) -> None:
        """Hand fresh deliveries to the scheduler, tell followers; to be called after the commit."""
        if published:
            self._grew()
            for each in published:
                self.counts[each.event.type] += 1
            fresh = [owed for each in published for owed in each.fresh]
            if fresh:
                self._feed.offer(fresh)
