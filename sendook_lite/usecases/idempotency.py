"""Lets a request take effect once, however often its sender repeats it under the same key.

That a request took effect is noted in the transaction of its first unit of work: either both are
stored or neither. So after a crash at any moment a repeated request either runs, for nothing of the
first was stored, or is told that it was carried out. What is only being worked on is known in
memory: one process has the database, and what it was doing ends with it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

import structlog

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import Conflict, SendookError, StoreFailed
from sendook_lite.store import idempotent_requests
from sendook_lite.store.companions import accompanied
from sendook_lite.store.database import Store
from sendook_lite.store.idempotent_requests import KeptRequest, RequestKey
from sendook_lite.store.tx import Tx

MAX_ANSWER_BYTES: Final = 1024 * 1024

A = TypeVar("A")

log = structlog.get_logger(__name__)


class KeyInUse(Conflict):
    """The first request with this key is still being worked on."""

    retry_after = 1
    """Seconds."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_in_use", "A request with this Idempotency-Key is being worked on"
        )


class KeyReused(Conflict):
    """The key was used for something else."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request: use a new one",
        )


class AlreadyDone(Conflict):
    """The request took effect, but its answer is not there to be repeated.

    It was lost in a crash, holds a secret, or is too long. ``made`` is the id of what the request
    made, where that is known.
    """

    def __init__(self, made: str | None) -> None:
        what = f" and made {made}" if made else ""
        super().__init__(
            "already_done",
            f"A request with this Idempotency-Key was carried out{what}; its answer is not kept",
        )
        self.made = made


class _Mark:
    """Notes that a request took effect, along with its units of work."""

    def __init__(self, key: RequestKey, digest: bytes) -> None:
        self._key = key
        self._request = KeptRequest(digest)
        self._open = True
        self.made = False

    def __call__(self, tx: Tx) -> None:
        # A task that was started inside the request, and outlives it, has the mark still.
        if self._open:
            self.made = True
            idempotent_requests.keep(tx, self._key, self._request)

    def close(self) -> None:
        self._open = False


class Idempotency:
    """Knows which requests are being worked on, and which took effect in the last 24 hours."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._in_flight: dict[RequestKey, bytes] = {}

    async def once(
        self,
        key: RequestKey,
        digest: bytes,
        work: Callable[[], Awaitable[A]],
        describe: Callable[[A], KeptRequest],
    ) -> A | KeptRequest:
        """Do the work, or return what was kept of the first time that it was done.

        ``digest`` is of what is asked; ``describe`` says what to keep of an answer. Nothing is kept
        of an error that a caller is told about: nothing was done, and what is corrected may come
        under the same key.

        Raises:
            KeyReused: the key stands for something else.
            KeyInUse: the same is being done at this moment.
            AlreadyDone: it was done, and there is no answer to be repeated.
        """
        if key in self._in_flight:
            raise KeyInUse if self._in_flight[key] == digest else KeyReused
        self._in_flight[key] = digest
        try:
            found = await idempotent_requests.find(self._store.reader, key, self._clock.now())
            if found is not None:
                return _repeat(found, digest)
            return await self._carry_out(key, digest, work, describe)
        finally:
            del self._in_flight[key]

    async def _carry_out(
        self,
        key: RequestKey,
        digest: bytes,
        work: Callable[[], Awaitable[A]],
        describe: Callable[[A], KeptRequest],
    ) -> A:
        mark = _Mark(key, digest)
        try:
            with accompanied(mark):
                answer = await work()
        except SendookError:
            mark.close()
            if mark.made:
                await self._store.writer.write(idempotent_requests.forget, key)
            raise
        finally:
            mark.close()
        try:
            await self._store.writer.write(
                idempotent_requests.keep, key, _bounded(describe(answer))
            )
        except StoreFailed as error:
            # It is done, which its mark says as well: the caller had better be told.
            log.warning("an answer was not kept for its Idempotency-Key", reason=error.message)
        return answer


def _repeat(found: KeptRequest, digest: bytes) -> KeptRequest:
    if found.digest != digest:
        raise KeyReused
    if found.status is None:
        raise AlreadyDone(found.made)
    return found


def _bounded(request: KeptRequest) -> KeptRequest:
    """Drop an answer that is too long."""
    if len(request.answer or b"") <= MAX_ANSWER_BYTES:
        return request
    return replace(request, status=None, answer=None)
