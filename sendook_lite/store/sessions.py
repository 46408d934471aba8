"""Sessions of the dashboard at rest: hashes of tokens, each tied to an API key."""

from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Tx

MAX_SESSIONS = 1000
"""In all; the oldest end when there are more."""


def insert(tx: Tx, digest: bytes, key_id: str, expires_at: int) -> None:
    """Add a session, and forget those that ended."""
    tx.execute("DELETE FROM sessions WHERE expires_at <= ?", (tx.now,))
    tx.execute(
        "DELETE FROM sessions WHERE seq <= (SELECT max(seq) FROM sessions) - ?",
        (MAX_SESSIONS - 1,),
    )
    tx.execute(
        "INSERT INTO sessions (token_hash, key_id, created_at, expires_at) VALUES (?, ?, ?, ?)",
        (digest, key_id, tx.now, expires_at),
    )


def delete(tx: Tx, digest: bytes) -> None:
    """End a session."""
    tx.execute("DELETE FROM sessions WHERE token_hash = ?", (digest,))


async def find(reader: Reader, digest: bytes, now: int) -> str | None:
    """Return the id of the key that a session stands for; None when it ended."""
    row = await reader.one(
        "SELECT key_id FROM sessions WHERE token_hash = ? AND expires_at > ?", (digest, now)
    )
    return row[0] if row else None
