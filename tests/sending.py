"""Sending as tests of the edges need it: everything real, and a relay that is only told of."""

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.tokens import Tokens
from sendook_lite.store.database import Store
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.reports import Reports
from sendook_lite.usecases.sending import Sending, SendingRules


def build_sending(
    store: Store,
    publisher: Publisher,
    clock: Clock,
    public_url: str,
    sends_per_hour: int = 0,
    *,
    relay: bool = True,
) -> Sending:
    return Sending(
        store,
        publisher,
        Reports(publisher, public_url),
        Tokens(b"the secret of the tests"),
        SendingRules(sends_per_hour, inline_attachments=262_144),
        clock,
        Ids(clock),
        clock.now,
        (lambda: None) if relay else None,
    )
