"""Hands stored mail to the relay for as long as the process runs; rows are the timers.

Claims, that is which messages are being handed over, live here in memory only: a restart finds
every row that was not decided. While the relay cannot be spoken to at all, one mail at a time asks
whether it is back; what it says about a mail or a recipient is between it and that mail.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import StoreFailed, Unavailable
from sendook_lite.domain.submission import Mailing, Replies, Reply
from sendook_lite.outbound.relay import Relay
from sendook_lite.store.submissions import DueMail
from sendook_lite.usecases.submitting import Submitting

MAX_CONNECTIONS: Final = 4
"""Mails that are handed over at a time."""

STORE_RETRY_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 10.0
"""How long a connection is kept for the next mail."""

FIRST_PAUSE_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 300.0
"""Between two questions whether a relay that is away is back; doubled from one to the other."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Outbox:
    """Owns a task for every mail that is being handed over."""

    def __init__(self, submitting: Submitting, relay: Relay, clock: Clock) -> None:
        self._submitting = submitting
        self._relay = relay
        self._clock = clock
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stuck: set[int] = set()
        self._warm = False
        self._stopping = False
        self._away: str | None = None
        self._pause = 0.0
        self._paused_until = 0.0
        self.handed_over = 0
        """Mails since the start that the relay took for somebody."""

    def accepted(self) -> None:
        """Take note that there is mail to hand over."""
        self._wake.set()

    def facts(self) -> dict[str, Any]:
        """Return what is going on, for the status page."""
        return {
            "relay": self._away or "ok",
            "handedOver": self.handed_over,
            "inFlight": len(self._tasks),
        }

    async def run(self) -> None:
        """Hand mail over until cancelled."""
        clamped = await self._insist(self._submitting.resume)
        if clamped:
            log.warning("tries lay too far ahead, the clock was set back", recipients=clamped)
        while True:
            self._wake.clear()
            seconds = await self._start_due()
            if self._warm and not self._tasks:
                seconds = IDLE_SECONDS if seconds is None else min(seconds, IDLE_SECONDS)
                if not await self._clock.wait(self._wake, seconds):
                    self._warm = False
                    await self._relay.hang_up()
            else:
                await self._clock.wait(self._wake, seconds)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more; let what is under way end, at most so many seconds; hang up.

        What is cut off then stays in the store and is handed over again after the next start.
        """
        self._stopping = True
        if self._tasks:
            self._idle.clear()
            await self._clock.wait(self._idle, seconds)
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._relay.hang_up()

    async def _start_due(self) -> float | None:
        """Begin with what is due; returns in how many seconds to look again, None: when woken."""
        if self._stopping:
            return None
        room = (1 if self._away else MAX_CONNECTIONS) - len(self._tasks)
        if room <= 0:
            return None  # the end of any of them wakes us
        pause = self._paused_until - self._clock.monotonic()
        if self._away and pause > 0:
            return pause
        busy = frozenset((*self._tasks, *self._stuck))
        found, seconds = await self._insist(lambda: self._submitting.due(busy, room))
        for due in found:
            self._begin(due)
        return seconds

    def _begin(self, due: DueMail) -> None:
        if self._stopping:
            return
        self._warm = True
        task = asyncio.create_task(self._hand_over(due))
        self._tasks[due.message_seq] = task
        task.add_done_callback(lambda _: self._ended(due.message_seq))

    def _ended(self, message_seq: int) -> None:
        del self._tasks[message_seq]
        self._wake.set()
        if not self._tasks:
            self._idle.set()

    async def _hand_over(self, due: DueMail) -> None:
        """Hand one mail over and record what came of it, however long the store takes for that.

        A process that dies in between hands it over again; its Message-ID says it is the same one.
        """
        try:
            mailing = await self._insist(lambda: self._submitting.mailing(due))
            if mailing is None:
                self._stuck.add(due.message_seq)  # its rows are going, too
                return
            replies = await self._submit(due, mailing)
            await self._insist(lambda: self._submitting.settle(due, replies))
        except Exception:
            # A bug of ours. Were the mail let go, it would be sent again and again.
            self._stuck.add(due.message_seq)
            log.exception("a mail broke and is kept until the next start", message=due.message_id)
            return
        if self._away:
            reason = self._away
            gone = await self._insist(lambda: self._submitting.give_up_expired(reason))
            if gone:
                log.error("mail was given up, the relay was away too long", recipients=gone)

    async def _submit(self, due: DueMail, mailing: Mailing) -> Replies:
        try:
            replies = await self._relay.submit(mailing)
        except Unavailable as error:
            self._note_away(error.message)
            return dict.fromkeys(mailing.recipients, Reply(0, error.message))
        self._note_back()
        taken = sum(reply.taken for reply in replies.values())
        self.handed_over += bool(taken)
        log.info(
            "a mail was handed to the relay",
            message=due.message_id,
            taken=taken,
            refused=sum(reply.refused for reply in replies.values()),
            later=sum(not (reply.taken or reply.refused) for reply in replies.values()),
        )
        return replies

    def _note_away(self, reason: str) -> None:
        now = self._clock.monotonic()
        if self._away is None:
            log.warning("the relay cannot be used, mail waits", reason=reason)
            self._pause = 0.0
        if self._away is None or now >= self._paused_until:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._paused_until = now + self._pause
        self._away = reason

    def _note_back(self) -> None:
        if self._away is not None:
            log.info("the relay can be used again")
            self._away = None

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something with the store until it works."""
        while True:
            try:
                return await work()
            except StoreFailed:
                await self._clock.sleep(STORE_RETRY_SECONDS)
