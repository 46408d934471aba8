"""What became of POSTs that carried an Idempotency-Key."""

from dataclasses import dataclass

from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Tx

KEPT_FOR_MS = 24 * 3600 * MS_PER_SECOND


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a request is known by: who sent it, and the key they chose."""

    principal: str
    key: str


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """A request that took effect.

    Attributes:
        digest: SHA-256 of what was asked.
        made: id of what it made, where that is known.
        status: of its answer; None: the answer was lost, or is not kept.
        answer: the body; None like ``status``.
    """

    digest: bytes
    made: str | None = None
    status: int | None = None
    answer: bytes | None = None


async def find(reader: Reader, key: RequestKey, now: int) -> KeptRequest | None:
    """Return the request that took effect under a key within the last 24 hours."""
    row = await reader.one(
        "SELECT digest, made, status, answer FROM idempotent_requests"
        " WHERE principal = ? AND key = ? AND created_at > ?",
        (key.principal, key.key, now - KEPT_FOR_MS),
    )
    return KeptRequest(*row) if row else None


def keep(tx: Tx, key: RequestKey, request: KeptRequest) -> None:
    """Note that a request took effect, in place of what its key meant before."""
    tx.execute(
        "INSERT OR REPLACE INTO idempotent_requests"
        " (principal, key, digest, made, status, answer, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            key.principal,
            key.key,
            request.digest,
            request.made,
            request.status,
            request.answer,
            tx.now,
        ),
    )


def forget(tx: Tx, key: RequestKey) -> None:
    """Let a key mean nothing again."""
    tx.execute(
        "DELETE FROM idempotent_requests WHERE principal = ? AND key = ?", (key.principal, key.key)
    )
