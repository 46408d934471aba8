"""Following the log as it grows: many readers, each at a place of its own and at its own pace.

A reader is a cursor over the stored log, woken when the log has grown. Nothing waits for it in
memory: a slow one reads later, and what it reads is in commit order, nothing lost and nothing
twice, whether it catches up or is at the end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, Self

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import Unavailable
from sendook_lite.domain.ids import is_id
from sendook_lite.domain.model import Event
from sendook_lite.store import events
from sendook_lite.store.reader import Reader

MAX_TAILS: Final = 256
QUIET_SECONDS: Final = 15.0
PAGE_EVENTS: Final = 100
PAGE_BYTES: Final = 128 * 1024
STRETCH: Final = 20_000
"""Events that one query looks through: what is asked for may be rare."""

BEGINNING: Final = f"evt_{'0' * 26}"
"""The place before every event."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are wanted; None is all of them (``inbox_ids``: those of no inbox as well)."""

    types: frozenset[str] | None = None
    inbox_ids: frozenset[str] | None = None


Select = Callable[[], Awaitable[Selection]]
"""Says what is wanted, asked anew for every page."""


class Follower(Protocol):
    """Whoever a tail is read for."""

    def gone(self) -> bool:
        """Say whether nobody is there any more."""
        ...

    def cut(self) -> None:
        """End a hand-over that waits: the tail is closed."""
        ...


class Tail:
    """One reader's place in the log; an iterator over pages of events, without end until closed.

    An empty page says that nothing came for QUIET_SECONDS.

    Attributes:
        expired: the place that was asked for is not in the log any more: events may be missing.
        begins_behind: the id of the event it starts behind, when no place was asked for.
    """

    def __init__(
        self, tails: "Tails", key_id: str | None, select: Select, follower: Follower
    ) -> None:
        self._tails = tails
        self._select = select
        self._grown = asyncio.Event()
        self._place = 0
        self._closed = False
        self.key_id = key_id
        self.follower = follower
        self.expired = False
        self.begins_behind: str | None = None

    async def start(self, after: str | None, inbox_ids: frozenset[str] | None) -> None:
        """Take place behind an event, or, when none is named, at the end of the log.

        An event that is not there (any more) stands for the beginning of what is kept.

        Args:
            after: the event's id.
            inbox_ids: the inboxes whose events may be known here; None: all.
        """
        reader = self._tails.reader
        if after is None:
            self._place = await events.last_seq(reader)
            self.begins_behind = await events.newest_id(reader, self._place, inbox_ids) or BEGINNING
        elif after != BEGINNING:
            found = await events.seq_of(reader, after) if is_id(after) else None
            self.expired = found is None
            self._place = found or 0

    def wake(self) -> None:
        """Have a look at the log."""
        self._grown.set()

    def close(self) -> None:
        """End the iteration, at once; more than once does no harm."""
        if not self._closed:
            self._closed = True
            self._tails.forget(self)
            self.follower.cut()
            self.wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Event]:
        clock = self._tails.clock
        quiet_at = clock.monotonic() + QUIET_SECONDS
        while True:
            # Before the look: what is committed after it is announced after it.
            self._grown.clear()
            page, at_end = await self._read()
            left = quiet_at - clock.monotonic()
            if page or left <= 0:
                return page
            if at_end and not await clock.wait(self._grown, left):
                # Another look all the same: who commits may be stopped before announcing it.
                page, _ = await self._read()
                return page

    async def _read(self) -> tuple[list[Event], bool]:
        """Read on; returns the events, and whether this is the end of the log for now.

        Raises:
            StopAsyncIteration: the tail is closed, before or meanwhile.
        """
        page, at_end = await self._look() if not self._closed else ([], True)
        if self._closed:
            raise StopAsyncIteration
        return page, at_end

    async def _look(self) -> tuple[list[Event], bool]:
        async with self._tails.turn:
            reader = self._tails.reader
            end = await events.last_seq(reader)
            if end <= self._place:
                return [], True
            wanted = await self._select()
            up_to = min(end, self._place + STRETCH)
            page = await events.list_between(
                reader,
                self._place,
                up_to,
                limit=PAGE_EVENTS,
                max_bytes=PAGE_BYTES,
                types=wanted.types,
                inbox_ids=wanted.inbox_ids,
            )
        self._place = page.items[-1].seq if page.more else up_to
        return page.items, self._place >= end


class Tails:
    """All tails that are open; told when the log has grown and when a key is gone."""

    def __init__(self, reader: Reader, clock: Clock, *, most: int = MAX_TAILS) -> None:
        self.reader = reader
        self.clock = clock
        self.turn = asyncio.Lock()
        """All tails together take one reading connection at most; the others are for requests."""
        self._most = most
        self._open: set[Tail] = set()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._open)

    def grew(self) -> None:
        """Wake every tail; costs nothing when there is none."""
        for tail in self._open:
            tail.wake()

    def open(self, key_id: str | None, select: Select, follower: Follower) -> Tail:
        """Begin a tail, which is to be closed; ``key_id`` is the key whose end is also its end.

        Raises:
            Unavailable: there are too many, or the server is stopping.
        """
        if self._stopped:
            raise Unavailable("stopping", "The server is stopping")
        if len(self._open) >= self._most:
            self._close_where(lambda tail: tail.follower.gone())
        if len(self._open) >= self._most:
            raise Unavailable("too_many_streams", f"{self._most} streams are open already")
        tail = Tail(self, key_id, select, follower)
        self._open.add(tail)
        return tail

    def forget(self, tail: Tail) -> None:
        """Take note that a tail is closed."""
        self._open.discard(tail)

    def close_of_key(self, key_id: str) -> None:
        """Close the tails of a key."""
        self._close_where(lambda tail: tail.key_id == key_id)

    def close(self) -> None:
        """Close all tails, and begin no more."""
        self._stopped = True
        self._close_where(lambda _: True)

    def _close_where(self, applies: Callable[[Tail], bool]) -> None:
        for tail in [each for each in self._open if applies(each)]:
            tail.close()
