"""What the dashboard is given to work with; built once, by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sendook_lite.domain.clock import Clock
from sendook_lite.settings import Settings
from sendook_lite.store.database import Store
from sendook_lite.usecases.access import Access
from sendook_lite.usecases.domains import Domains
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.inboxes import Inboxes
from sendook_lite.usecases.mailbox import Mailbox
from sendook_lite.usecases.replay import Replays
from sendook_lite.usecases.sessions import Sessions


@dataclass(frozen=True, slots=True)
class DashboardContext:
    """Everything the pages use.

    Attributes:
        public_url: where this server is reached, without a final slash.
        addresses: where each door is, by name, as it is shown to people.
        health: live facts, as ``/health`` tells them.
        describe_api: the OpenAPI document as JSON.
        push_mail: hands (recipient, mail) to our own LMTP door; returns the reply, code and text.
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
    clock: Clock
    addresses: Mapping[str, str]
    health: Callable[[], dict[str, Any]]
    describe_api: Callable[[], bytes]
    push_mail: Callable[[str, bytes], Awaitable[tuple[int, str]]]
