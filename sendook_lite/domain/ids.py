"""Identifiers: a prefix that names the kind and a time-ordered ULID, e.g. ``evt_01J…``."""

import re
import secrets
from collections.abc import Callable
from typing import Literal

from ulid import ULID

from sendook_lite.domain.clock import Clock

Kind = Literal[
    "inbox", "msg", "thread", "wh", "evt", "dlv", "atm", "key", "dom", "att", "rpl", "alert"
]  # fmt: skip

ORGANIZATION_ID = "org_00000000000000000000000000"
"""The one constant organisation that existing clients expect to see."""

_RANDOM_BYTES = 10
_ID = re.compile(r"[a-z]{2,6}_[0-9A-HJKMNP-TV-Z]{26}")


class Ids:
    """Mints ids. Randomness is passed in, so that tests can repeat themselves."""

    def __init__(
        self, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._clock = clock
        self._random_bytes = random_bytes

    def new(self, kind: Kind) -> str:
        """Mint an id of the given kind."""
        stamp = self._clock.now().to_bytes(6, "big")
        return f"{kind}_{ULID(stamp + self._random_bytes(_RANDOM_BYTES))}"


def is_id(text: str) -> bool:
    """Say whether a text has the form of an id; malformed ids answer like absent ones."""
    return _ID.fullmatch(text) is not None
