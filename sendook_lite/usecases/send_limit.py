"""How many mails a key may send in an hour of the clock; counted where they are stored."""

from dataclasses import dataclass
from typing import Final

from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.errors import TooMany
from sendook_lite.store import sent_hours
from sendook_lite.store.tx import Tx

HOUR_MS: Final = 3_600_000


class TooManySends(TooMany):
    """A key has sent as many mails as it may in an hour (429)."""

    def __init__(self, allowance: "Allowance") -> None:
        super().__init__(
            "send_limit_reached",
            f"This API key may send {allowance.limit} mails an hour",
            allowance.reset_seconds,
        )
        self.allowance = allowance


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many mails a key may still send in this hour, and when the next hour begins."""

    limit: int
    remaining: int
    reset_seconds: int


def count_send(tx: Tx, principal: str, limit: int) -> Allowance | None:
    """Count a mail for whoever sends it; None when there is no limit (0).

    Raises:
        TooManySends: it is one too many for this hour.
    """
    hour = tx.now - tx.now % HOUR_MS
    used = sent_hours.add(tx, hour, principal)
    if not limit:
        return None
    seconds = -(-(hour + HOUR_MS - tx.now) // MS_PER_SECOND)
    allowance = Allowance(limit, max(0, limit - used), seconds)
    if used > limit:
        raise TooManySends(allowance)
    return allowance
