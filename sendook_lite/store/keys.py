"""API keys at rest: hashes, never keys."""

import json

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import ApiKey, Scope
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

_COLUMNS = (
    "seq, id, name, prefix, scopes, inbox_ids, created_at, updated_at, last_used_at, revoked_at"
)


def _key(row: Row) -> ApiKey:
    seq, identifier, name, prefix, scopes, inbox_ids, *stamps = row
    return ApiKey(
        seq, identifier, name, prefix, tuple(json.loads(scopes)), tuple(json.loads(inbox_ids)),
        *stamps,
    )  # fmt: skip


def insert(
    tx: Tx,
    name: str,
    prefix: str,
    digest: bytes,
    scopes: tuple[Scope, ...],
    inbox_ids: tuple[str, ...] = (),
    origin: str = "api",
) -> ApiKey:
    """Add a key by the SHA-256 of it."""
    identifier = tx.ids.new("key")
    tx.insert(
        "INSERT INTO api_keys (id, name, prefix, hash, scopes, inbox_ids, origin, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            identifier,
            name,
            prefix,
            digest,
            json.dumps(scopes),
            json.dumps(inbox_ids),
            origin,
            tx.now,
            tx.now,
        ),
    )
    return get_in(tx, identifier)


def get_in(tx: Tx, identifier: str) -> ApiKey:
    """Return a key inside a transaction; NotFound when there is none."""
    row = tx.one(f"SELECT {_COLUMNS} FROM api_keys WHERE id = ?", (identifier,))
    if row is None:
        raise NotFound("api key")
    return _key(row)


def delete(tx: Tx, identifier: str) -> None:
    """Remove a key."""
    tx.execute("DELETE FROM api_keys WHERE id = ?", (identifier,))


def count_active_admins(tx: Tx) -> int:
    """Count the keys that may administer everything."""
    row = tx.one(
        "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND inbox_ids = '[]'"
        " AND EXISTS (SELECT 1 FROM json_each(scopes) WHERE value = 'admin')"
    )
    return int(row[0]) if row else 0


def find_by_hash(tx: Tx, digest: bytes) -> ApiKey | None:
    """Return the key with this hash, revoked or not."""
    row = tx.one(f"SELECT {_COLUMNS} FROM api_keys WHERE hash = ?", (digest,))
    return _key(row) if row else None


def adopt_from_environment(tx: Tx, identifier: str) -> None:
    """Make a key that is known already an admin key for as long as it is in the environment."""
    tx.execute(
        "UPDATE api_keys SET revoked_at = NULL, scopes = '[\"admin\"]', inbox_ids = '[]',"
        " origin = 'environment', updated_at = ? WHERE id = ?",
        (tx.now, identifier),
    )


def revoke_from_environment(tx: Tx, except_digest: bytes | None) -> int:
    """Revoke the keys that once came from the environment and are no longer there."""
    return tx.execute(
        "UPDATE api_keys SET revoked_at = ?, updated_at = ?"
        " WHERE origin = 'environment' AND revoked_at IS NULL AND hash IS NOT ?",
        (tx.now, tx.now, except_digest),
    ).rowcount


def touch(tx: Tx, used: dict[str, int]) -> None:
    """Note when keys were last used; ids to epoch milliseconds."""
    tx.execute_many(
        "UPDATE api_keys SET last_used_at = ? WHERE id = ?",
        [(moment, identifier) for identifier, moment in used.items()],
    )


async def list_all(reader: Reader) -> list[ApiKey]:
    """Return all keys, newest first; there are few."""
    rows = await reader.all(f"SELECT {_COLUMNS} FROM api_keys ORDER BY seq DESC")
    return [_key(row) for row in rows]


async def get(reader: Reader, identifier: str) -> ApiKey:
    """Return a key; NotFound when there is none."""
    row = await reader.one(f"SELECT {_COLUMNS} FROM api_keys WHERE id = ?", (identifier,))
    if row is None:
        raise NotFound("api key")
    return _key(row)


async def load_active(reader: Reader) -> dict[bytes, ApiKey]:
    """Return the keys that open something, by hash."""
    rows = await reader.all(f"SELECT hash, {_COLUMNS} FROM api_keys WHERE revoked_at IS NULL")
    return {row[0]: _key(row[1:]) for row in rows}
