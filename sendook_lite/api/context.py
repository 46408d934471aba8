"""What the API is given to work with; built once, by the composition root."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sendook_lite.domain.clock import Clock
from sendook_lite.settings import Settings
from sendook_lite.store.database import Store
from sendook_lite.usecases.access import Access
from sendook_lite.usecases.domains import Domains
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.idempotency import Idempotency
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.mailbox import Mailbox
from sendook_lite.usecases.replay import Replays
from sendook_lite.usecases.sending import Sending
from sendook_lite.usecases.ses import Ses
from sendook_lite.usecases.sessions import Sessions
from sendook_lite.usecases.tail import Tails

RequestCounts = Counter[tuple[str, str, str]]
"""Requests by method, route and class of the status, e.g. ``("GET", "/health", "2xx")``."""


class MetricsPage(NamedTuple):
    """All metrics as text, and which format that is."""

    content_type: str
    body: bytes


async def _no_metrics(_accept: str) -> MetricsPage:
    return MetricsPage("text/plain; charset=utf-8", b"")


@dataclass(frozen=True, slots=True)
class ApiContext:
    """Everything the handlers use.

    Attributes:
        public_url: where this server is reached, without a final slash; begins every link.
        health: live facts for ``/health``.
        ready: why ``/readyz`` says no; None when all is well.
        ensure_room: raises Unavailable while the disk is nearly full.
        metrics: renders the metrics in the format that an Accept header asks for.
        requests: counted here, as they are answered.
        ses: takes notifications of Amazon SES; None where no topic is configured.
        dev: whether ``POST /webhooks/test``, a sink for trying things, is there.
    """

    settings: Settings
    public_url: str
    store: Store
    access: Access
    sessions: Sessions
    inboxes: Inboxes
    mailbox: Mailbox
    domains: Domains
    endpoints: Endpoints
    replays: Replays
    sending: Sending
    tails: Tails
    idempotency: Idempotency
    clock: Clock
    health: Callable[[], dict[str, Any]]
    ready: Callable[[], str | None]
    ensure_room: Callable[[], None]
    metrics: Callable[[str], Awaitable[MetricsPage]] = _no_metrics
    requests: RequestCounts = field(default_factory=Counter)
    dev: bool = False
    ses: Ses | None = None
