"""What a stream sends of an event: its body, or the request that a webhook would get."""

from typing import Protocol

import orjson

from sendook_lite import __version__
from sendook_lite.domain.clock import MS_PER_SECOND, Clock
from sendook_lite.domain.model import Event
from sendook_lite.domain.signing import SigningKey, signature_header, signing_key
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.tail import Selection


class Frames(Protocol):
    """Which events are sent, and how."""

    async def select(self) -> Selection:
        """Say which events are wanted now.

        Raises:
            NotFound: there is nothing any more that could want any.
        """
        ...

    def render(self, event: Event) -> bytes:
        """Render an event of the last selection."""
        ...


class PlainFrames:
    """The bodies of events, byte for byte."""

    def __init__(self, wanted: Selection) -> None:
        self._wanted = wanted

    async def select(self) -> Selection:
        """Say which events are wanted: always the same."""
        return self._wanted

    def render(self, event: Event) -> bytes:
        """Render an event; its body is JSON on one line."""
        return _frame(event, event.body)


class SignedFrames:
    """``{"headers":{…},"body":"…"}``: what a webhook is sent, signed with its secrets.

    Without the headers that count deliveries and attempts: there is neither. The webhook is read
    anew for every page, so a new secret or another subscription counts at once. It may be disabled.
    """

    def __init__(
        self, endpoints: Endpoints, webhook_id: str, wanted: Selection, clock: Clock
    ) -> None:
        self._endpoints = endpoints
        self._webhook_id = webhook_id
        self._wanted = wanted
        self._clock = clock
        self._keys: list[SigningKey] = []
        self._own: dict[str, str] = {}

    async def select(self) -> Selection:
        """Say which events the webhook wants, of those that are wanted here.

        Raises:
            NotFound: there is no such webhook.
        """
        webhook = await self._endpoints.get(self._webhook_id)
        secrets = await self._endpoints.secrets(self._webhook_id)
        self._keys = [signing_key(secret) for secret in secrets]
        self._own = dict(webhook.headers)
        types, inbox_ids = frozenset(webhook.events), self._wanted.inbox_ids
        if self._wanted.types is not None:
            types &= self._wanted.types
        if webhook.inbox_ids:
            of_webhook = frozenset(webhook.inbox_ids)
            inbox_ids = of_webhook if inbox_ids is None else of_webhook & inbox_ids
        return Selection(types, inbox_ids)

    def render(self, event: Event) -> bytes:
        """Render an event, signed as of now."""
        timestamp = self._clock.now() // MS_PER_SECOND
        headers = {
            "content-type": "application/json",
            "user-agent": f"Sendook-Lite/{__version__}",
            "webhook-id": event.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature_header(self._keys, event.id, timestamp, event.body),
            "x-sendook-event": event.type,
            **self._own,
        }
        return _frame(event, orjson.dumps({"headers": headers, "body": event.body.decode()}))


def _frame(event: Event, data: bytes) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.type.encode(), data)
