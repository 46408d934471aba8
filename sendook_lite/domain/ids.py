"""Identifiers: a prefix that names the kind and a time-ordered ULID, e.g. ``evt_01J…``."""

import re
import secrets
from collections.abc import Callable
from itertools import product
from typing import Literal

from sendook_lite.domain.clock import Clock

Kind = Literal[
    "inbox", "msg", "thread", "wh", "evt", "dlv", "atm", "key", "dom", "att", "rpl", "alert"
]  # fmt: skip

ORGANIZATION_ID = "org_00000000000000000000000000"
"""The one constant organisation that existing clients expect to see."""

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(map("".join, product(_DIGITS, repeat=2)))
"""Two digits of Crockford's base 32 for each number of 10 bits."""

_TO_DIGIT = (_DIGITS * 8).encode()
"""A digit for every byte, each of the 32 as often as the others."""

_TIME_PAIRS = 5
_RANDOM_DIGITS = 16
_IDS_AHEAD = 256
_FEW = 16
_ID = re.compile(r"[a-z]{2,6}_[0-9A-HJKMNP-TV-Z]{26}")


class Ids:
    """Mints ids. Randomness is passed in, so that tests can repeat themselves.

    Every event needs several, so they are written out here: a ULID is ten digits of base 32 for the
    milliseconds and sixteen that are random. Randomness is fetched for many ids at once, since each
    request to the system hands the interpreter over to another thread. Any thread may ask.
    """

    def __init__(
        self, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._random: list[str] = []
        self._stamp = (-1, "")

    def new(self, kind: Kind) -> str:
        """Mint an id of the given kind."""
        try:
            random = self._random.pop()
        except IndexError:
            random, *others = self._fetch_random(_IDS_AHEAD)
            self._random += others
        return f"{kind}_{self._write_now()}{random}"

    def some(self, kind: Kind, count: int) -> list[str]:
        """Mint so many ids of a kind, all of the same millisecond."""
        if count < _FEW:
            return [self.new(kind) for _ in range(count)]
        prefix = f"{kind}_{self._write_now()}"
        return [prefix + random for random in self._fetch_random(count)]

    def _write_now(self) -> str:
        now = self._clock.now()
        at, stamp = self._stamp
        if now != at:
            stamp = _write_time(now)
            self._stamp = now, stamp
        return stamp

    def _fetch_random(self, count: int) -> list[str]:
        """Fetch the random digits of so many ids."""
        digits = self._random_bytes(_RANDOM_DIGITS * count).translate(_TO_DIGIT).decode()
        return [
            digits[start : start + _RANDOM_DIGITS]
            for start in range(0, len(digits), _RANDOM_DIGITS)
        ]


def _write_time(ms: int) -> str:
    """Write milliseconds in ten digits."""
    return "".join([_PAIRS[ms >> 10 * place & 1023] for place in reversed(range(_TIME_PAIRS))])


def is_id(text: str) -> bool:
    """Say whether a text has the form of an id; malformed ids answer like absent ones."""
    return _ID.fullmatch(text) is not None
