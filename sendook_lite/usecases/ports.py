"""What the use cases ask of the edges above them, so that imports still point down only."""

from collections.abc import Sequence
from typing import Protocol

from sendook_lite.domain.model import DueDelivery, Secret, Webhook
from sendook_lite.domain.outcome import Outcome


class DeliveryFeed(Protocol):
    """Where committed work for webhooks is announced."""

    def now(self) -> int:
        """Return the time that due times are measured against, in ms since the epoch."""
        ...

    def offer(self, fresh: Sequence[DueDelivery]) -> None:
        """Take deliveries that were committed just now and are due at once."""
        ...

    def webhook_changed(self, webhook_seq: int) -> None:
        """Take note that a webhook was made, changed, deleted, or is owed more than before."""
        ...


class AlertFeed(Protocol):
    """Where committed alerts are announced."""

    def alerts_written(self) -> None:
        """Take note that there are alerts to be told."""
        ...


class Probe(Protocol):
    """Makes one request outside lane and schedule."""

    async def __call__(
        self, webhook: Webhook, secrets: Sequence[Secret], delivery: DueDelivery
    ) -> Outcome:
        """Send a delivery now and say how it ended; never raises for network reasons."""
        ...
