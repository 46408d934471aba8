"""Sessions of the dashboard: an API key, shown once, stands behind a random token for a while."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

from sendook_lite.domain.clock import MS_PER_SECOND, Clock
from sendook_lite.domain.errors import TooMany, Unauthorized
from sendook_lite.store import sessions
from sendook_lite.store.database import Store
from sendook_lite.usecases.access import Access, Principal

COOKIE: Final = "sendook_session"
REQUEST_HEADER: Final = "Sendook-Request"
"""Pages of ours send it with whatever changes something: no other site can make a browser do so
without being asked first, and we allow none."""

SESSION_SECONDS: Final = 14 * 24 * 3600
TRIES: Final = 10
TRIES_SECONDS: Final = 15 * 60
"""So many wrong keys from one address within so long, then it has to wait."""

_REMEMBERED: Final = 10_000
_TOKEN_BYTES: Final = 32


class Sessions:
    """Opens, judges and ends sessions. A session is worth what its key is worth at that moment."""

    def __init__(
        self,
        store: Store,
        access: Access,
        clock: Clock,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._store = store
        self._access = access
        self._clock = clock
        self._random_bytes = random_bytes
        self._wrong: dict[str, list[float]] = {}

    async def open(self, key: str, address: str) -> str:
        """Open a session for whoever has a key; returns its token, of which a hash is kept.

        Raises:
            TooMany: too many wrong keys came from this address.
            Unauthorized: the key is unknown or was revoked.
        """
        self._ensure_patience(address)
        try:
            principal = self._access.authenticate(key)
        except Unauthorized:
            self._note_wrong(address)
            raise
        self._wrong.pop(address, None)
        token = self._random_bytes(_TOKEN_BYTES).hex()
        expires_at = self._clock.now() + SESSION_SECONDS * MS_PER_SECOND
        await self._store.writer.write(
            sessions.insert, _digest(token), str(principal.key_id), expires_at
        )
        return token

    async def principal(self, token: str) -> Principal:
        """Return who is behind a session.

        Raises:
            Unauthorized: it ended, or its key did.
        """
        key_id = await sessions.find(self._store.reader, _digest(token), self._clock.now())
        if key_id is None:
            raise Unauthorized("The session has ended: sign in again")
        return self._access.principal_of(key_id)

    async def close(self, token: str) -> None:
        """End a session."""
        await self._store.writer.write(sessions.delete, _digest(token))

    def _ensure_patience(self, address: str) -> None:
        since = self._clock.monotonic() - TRIES_SECONDS
        recent = [moment for moment in self._wrong.get(address, ()) if moment > since]
        if len(recent) >= TRIES:
            wait = int(recent[0] - since) + 1
            raise TooMany(
                "too_many_tries",
                f"Too many wrong keys from your address: try again in {-(-wait // 60)} minutes",
                wait,
            )

    def _note_wrong(self, address: str) -> None:
        """Remember a wrong key; of addresses only the latest, so that memory stays bounded."""
        moments = self._wrong.pop(address, [])
        self._wrong[address] = [*moments[1 - TRIES :], self._clock.monotonic()]
        if len(self._wrong) > _REMEMBERED:
            del self._wrong[next(iter(self._wrong))]


def _digest(token: str) -> bytes:
    """Return what a session is found by. A token has 256 random bits: a plain hash suffices."""
    return hashlib.sha256(token.encode()).digest()
