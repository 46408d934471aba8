"""Raw mail at rest: once per content, found by hash, in chunks."""

import hashlib
from collections.abc import AsyncIterator

from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Tx

CHUNK_BYTES = 262_144
"""Small enough that deleting one holds the writer for well under a millisecond."""


def digest(raw: bytes) -> bytes:
    """Return what a content is found by; computed before the transaction."""
    return hashlib.sha256(raw).digest()


def put(tx: Tx, key: bytes, raw: bytes) -> int:
    """Store a content unless it is there; returns its seq."""
    seq, _ = keep(tx, key, raw)
    return seq


def keep(tx: Tx, key: bytes, raw: bytes) -> tuple[int, bool]:
    """Store a content unless it is there; returns its seq, and whether it was there."""
    added = tx.execute(
        "INSERT INTO blobs (hash, size) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING RETURNING seq",
        (key, len(raw)),
    ).fetchone()
    if added is None:
        row = tx.one("SELECT seq FROM blobs WHERE hash = ?", (key,))
        assert row is not None  # noqa: S101 - the conflict was with it
        return int(row[0]), True
    seq = int(added[0])
    tx.add_all(
        "INSERT INTO blob_chunks (blob_seq, number, data)",
        [
            (seq, number, raw[start : start + CHUNK_BYTES])
            for number, start in enumerate(range(0, max(len(raw), 1), CHUNK_BYTES))
        ],
    )
    return seq, False


def release(tx: Tx, seq: int) -> None:
    """Let a content go if no message has it; from then on it is not found by its hash."""
    tx.execute(
        "UPDATE blobs SET hash = NULL WHERE seq = ?"
        " AND NOT EXISTS (SELECT 1 FROM messages WHERE blob_seq = blobs.seq)",
        (seq,),
    )


def remove_released(tx: Tx, limit: int) -> int:
    """Remove up to ``limit`` chunks of released contents; returns how many rows went."""
    row = tx.one("SELECT seq FROM blobs WHERE hash IS NULL ORDER BY seq LIMIT 1")
    if row is None:
        return 0
    removed = tx.execute(
        "DELETE FROM blob_chunks WHERE rowid IN"
        " (SELECT rowid FROM blob_chunks WHERE blob_seq = ? LIMIT ?)",
        (row[0], limit),
    ).rowcount
    if removed < limit:
        removed += tx.execute("DELETE FROM blobs WHERE seq = ?", (row[0],)).rowcount
    return removed


async def read(reader: Reader, seq: int) -> bytes:
    """Return a content whole."""
    rows = await reader.all(
        "SELECT data FROM blob_chunks WHERE blob_seq = ? ORDER BY number", (seq,)
    )
    return b"".join(row[0] for row in rows)


async def size(reader: Reader, seq: int) -> int:
    """Return how many bytes a content has; 0 when it is gone."""
    row = await reader.one("SELECT size FROM blobs WHERE seq = ?", (seq,))
    return int(row[0]) if row else 0


async def chunks(reader: Reader, seq: int) -> AsyncIterator[bytes]:
    """Read a content bit by bit, holding no connection between two bits."""
    number = 0
    while row := await reader.one(
        "SELECT data FROM blob_chunks WHERE blob_seq = ? AND number = ?", (seq, number)
    ):
        yield row[0]
        number += 1
