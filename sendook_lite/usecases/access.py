"""Who may do what: API keys, made once, kept as hashes, known in memory while the process runs."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import Conflict, Unauthorized
from sendook_lite.domain.model import ApiKey, Scope
from sendook_lite.store import keys
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx

KEY_PREFIX = "sk_"
MIN_KEY_LENGTH = 16
_SHOWN = 10
_RANDOM_BYTES = 24

_IMPLIED: dict[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write"}),
    "admin": frozenset({"read", "write", "admin"}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. ``inbox_ids`` empty: not limited to some inboxes; no key id: the operator."""

    key_id: str | None
    scopes: frozenset[Scope]
    inbox_ids: frozenset[str] = frozenset()

    @property
    def limited(self) -> bool:
        """Whether the principal sees some inboxes only."""
        return bool(self.inbox_ids)

    def sees(self, inbox_id: str | None) -> bool:
        """Say whether an inbox, or something of no inbox (None), exists for this principal."""
        return not self.inbox_ids or inbox_id in self.inbox_ids


OPERATOR = Principal(None, _IMPLIED["admin"])
"""Whoever may open the admin socket."""


def digest(key: str) -> bytes:
    """Return what a key is found by. A key has 192 random bits, so a plain hash suffices."""
    return hashlib.sha256(key.encode()).digest()


class Access:
    """Checks keys and manages them; ``revoked`` is called with the id of a key that ends."""

    def __init__(
        self, store: Store, clock: Clock, revoked: Callable[[str], None] = lambda _: None
    ) -> None:
        self._store = store
        self._clock = clock
        self._revoked = revoked
        self._active: dict[bytes, ApiKey] = {}
        self._used: dict[str, int] = {}

    async def bootstrap(self, environment_key: str | None) -> str | None:
        """Make sure that there is a way in; returns a new admin key if one had to be made.

        A key from the environment is installed; one that came from there before and is gone from
        it is revoked.
        """
        made = await self._store.writer.write(_bootstrap, environment_key)
        self._active = await keys.load_active(self._store.reader)
        return made

    def authenticate(self, key: str) -> Principal:
        """Return who holds a key.

        Looked up by hash: how long that takes tells nothing about any stored key.

        Raises:
            Unauthorized: when the key is not known or was revoked.
        """
        found = self._active.get(digest(key))
        if found is None:
            raise Unauthorized("Unknown API key")
        return self._let_in(found)

    def principal_of(self, key_id: str) -> Principal:
        """Return who holds the key with an id; for whoever has shown the key before.

        Raises:
            Unauthorized: when the key is gone or was revoked.
        """
        for found in self._active.values():
            if found.id == key_id:
                return self._let_in(found)
        raise Unauthorized("The API key of this session is gone: sign in with another one")

    def _let_in(self, key: ApiKey) -> Principal:
        self._used[key.id] = self._clock.now()
        implied: frozenset[Scope] = frozenset().union(*(_IMPLIED[each] for each in key.scopes))
        return Principal(key.id, implied, frozenset(key.inbox_ids))

    async def create(
        self, name: str, scopes: tuple[Scope, ...], inbox_ids: tuple[str, ...]
    ) -> tuple[ApiKey, str]:
        """Make a key; returns it with the key itself, which is not kept."""
        secret = KEY_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        key = await self._store.writer.write(
            keys.insert, name, secret[:_SHOWN], digest(secret), scopes, inbox_ids
        )
        self._active[digest(secret)] = key
        return key, secret

    async def delete(self, identifier: str) -> ApiKey:
        """Remove a key; it opens nothing from this moment on.

        Raises:
            NotFound: no such key.
            Conflict: it is the last admin key.
        """
        key = await self._store.writer.write(_delete, identifier)
        self._active = {
            found: each for found, each in self._active.items() if each.id != identifier
        }
        self._revoked(identifier)
        return key

    async def get(self, identifier: str) -> ApiKey:
        """Return a key; NotFound when there is none."""
        return await keys.get(self._store.reader, identifier)

    async def list_all(self) -> list[ApiKey]:
        """Return all keys, newest first."""
        return await keys.list_all(self._store.reader)

    async def note_use(self) -> None:
        """Write down when keys were last used; called now and then, not at every request."""
        if self._used:
            used, self._used = self._used, {}
            await self._store.writer.write(keys.touch, used)


def _bootstrap(tx: Tx, environment_key: str | None) -> str | None:
    wanted = None if environment_key is None else digest(environment_key)
    keys.revoke_from_environment(tx, wanted)
    if environment_key is not None and wanted is not None:
        present = keys.find_by_hash(tx, wanted)
        if present is None:
            shown = environment_key[: _SHOWN // 2]
            keys.insert(tx, "environment", shown, wanted, ("admin",), origin="environment")
        elif not present.active or "admin" not in present.scopes or present.inbox_ids:
            keys.adopt_from_environment(tx, present.id)
        return None
    if keys.count_active_admins(tx):
        return None
    secret = KEY_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    keys.insert(tx, "first key", secret[:_SHOWN], digest(secret), ("admin",), origin="first_start")
    return secret


def _delete(tx: Tx, identifier: str) -> ApiKey:
    key = keys.get_in(tx, identifier)
    keys.delete(tx, identifier)
    if key.active and "admin" in key.scopes and keys.count_active_admins(tx) == 0:
        raise Conflict("last_admin_key", "The last admin key cannot be deleted: make another first")
    return key
