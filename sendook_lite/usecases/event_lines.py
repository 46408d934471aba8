"""Lines of the event socket: told by whoever knows, stored in order, idempotent by their keys.

Many lines come at once, and a unit of work for each costs as much as storing the event. So lines
are stored many to a unit: all batches that wait by the time it runs. A line that is refused before
it wrote anything is passed over there and then, and in the rare case that one fails later, the unit
is rolled back and its lines are stored one by one. Either way a line's failure is its own.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import orjson

from sendook_lite.domain.errors import SendookError, StoreFailed
from sendook_lite.domain.model import NewEvent
from sendook_lite.store import events
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.intake import Intake, all_published
from sendook_lite.usecases.prepared_mail import PreparedMail
from sendook_lite.usecases.publish import Published, Publisher
from sendook_lite.usecases.reports import ReportedOutcome, Reports

LINES_PER_UNIT = 256
"""Lines of a batch, and of batches that are put together: a few milliseconds of the writer."""

Answer = dict[str, Any]
Told = Answer | BaseException
"""What is said about one line, or its error: ``{"eventId"}``, ``{"messageIds", "eventIds"}``, or
nothing but that it was taken, when it told what was known."""

_Result = tuple[Told, list[Published]]


class OutcomeLine(NamedTuple):
    """A line that tells what became of a mail."""

    outcome: ReportedOutcome
    key: str | None = None


@dataclass(frozen=True, slots=True)
class MailLine:
    """A line that brings a mail; stored for all its recipients or for none."""

    mail: PreparedMail
    recipients: tuple[str, ...]
    sender: str | None = None
    key: str | None = None


Line = OutcomeLine | MailLine


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Lines that were submitted together, and whoever waits for what is said of them.

    ``alone``: they share a unit with no others.
    """

    lines: Sequence[Line]
    told: asyncio.Future[list[Told]]
    alone: bool
    _claim: list[None] = field(default_factory=lambda: [None])

    def claim(self) -> bool:
        """Take it for storing or for refusing; True for the first of both threads that asks."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        return True


class EventLines:
    """Stores what lines of the event socket tell."""

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        intake: Intake,
        reports: Reports,
        ensure_room: Callable[[], None],
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._intake = intake
        self._reports = reports
        self._ensure_room = ensure_room
        self._waiting: deque[_Batch] = deque()

    def submit(self, lines: Sequence[Line]) -> asyncio.Future[list[Told]]:
        """Store lines in their order; the future holds what is said of each, after the commit.

        The future never holds an error of its own. Batches are committed in the order in which
        they were submitted. What was committed is announced even if nobody waits any more.
        """
        # A mail that is refused takes its unit with it, so it shares it with nobody.
        return self._submit(lines, alone=any(isinstance(line, MailLine) for line in lines))

    def _submit(self, lines: Sequence[Line], *, alone: bool) -> asyncio.Future[list[Told]]:
        told: asyncio.Future[list[Told]] = asyncio.get_running_loop().create_future()
        batch = _Batch(lines, told, alone)
        taken: list[_Batch] = []
        settle = partial(self._settle_taken, batch, taken)
        self._waiting.append(batch)
        try:
            self._ensure_room()
            self._store.writer.submit(settle, self._store_waiting, taken)
        except SendookError as error:
            settle(None, error)
        return told

    async def prepare(self, raw: bytes) -> PreparedMail:
        """Read a mail for a `MailLine`; never fails on its content."""
        return await self._intake.prepare(raw)

    async def report(self, outcome: ReportedOutcome, key: str | None) -> Answer:
        """Store an outcome; answers ``{"eventId"}`` after the commit."""
        return await self._one(OutcomeLine(outcome, key))

    async def receive(
        self, raw: bytes, recipients: Sequence[str], sender: str | None, key: str | None
    ) -> Answer:
        """Store a mail for all its recipients or for none; answers messageIds and eventIds."""
        prepared = await self.prepare(raw)
        return await self._one(MailLine(prepared, tuple(recipients), sender, key))

    async def _one(self, line: Line) -> Answer:
        (told,) = await self.submit([line])
        if isinstance(told, BaseException):
            raise told
        return told

    def _settle_taken(
        self,
        batch: _Batch,
        taken: list[_Batch],
        results: list[_Result] | None,
        error: BaseException | None,
    ) -> None:
        """Settle the batches that a unit took; one that never ran has its own to refuse."""
        if error is not None and not taken and batch.claim():
            taken = [batch]
            with suppress(ValueError):  # the writer's thread has it in hand, and will see the claim
                self._waiting.remove(batch)
        if results is not None:
            self._publisher.announce(*(each for _, published in results for each in published))
        begin = 0
        for each in taken:
            end = begin + len(each.lines)
            if results is not None:
                _answer(each.told, [said for said, _ in results[begin:end]])
            elif error is not None:
                self._settle_failed(each, error)
            begin = end

    def _settle_failed(self, batch: _Batch, error: BaseException) -> None:
        """Answer the lines of a batch that was not stored, or try them again one by one."""
        lines, told = batch.lines, batch.told
        if isinstance(error, SendookError) or (batch.alone and len(lines) == 1):
            _answer(told, [error] * len(lines))
            return
        # They queue behind batches that were submitted meanwhile: order is kept between
        # the lines of this batch, not towards those.
        singly = asyncio.gather(*(self._submit([line], alone=True) for line in lines))
        singly.add_done_callback(
            lambda done: _answer(told, [each for single in done.result() for each in single])
        )

    # --- on the writer's thread

    def _store_waiting(self, tx: Tx, taken: list[_Batch]) -> list[_Result]:
        """Store the batches that wait, as many as fit, and add them to ``taken``.

        There are none where an earlier unit took them along.
        """
        lines: list[Line] = []
        while (batch := self._next_batch()) is not None:
            if taken and (batch.alone or len(lines) + len(batch.lines) > LINES_PER_UNIT):
                self._waiting.appendleft(batch)
                break
            if batch.claim():
                taken.append(batch)
                lines += batch.lines
            if batch.alone:
                break
        return self._store_in_order(tx, lines) if lines else []

    def _next_batch(self) -> _Batch | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _store_in_order(self, tx: Tx, lines: Sequence[Line]) -> list[_Result]:
        """Store lines; one whose key was seen is given the answer of the first time again."""
        unit = _Unit(tx, self._publisher, lines)
        for line in lines:
            if unit.is_settled(line):
                continue
            if isinstance(line, MailLine):
                unit.publish()  # what stands before it comes before it in the log
                unit.settle(line, *self._store_mail(tx, line))
                continue
            try:
                event = self._reports.draft_news(tx, line.outcome)
            except StoreFailed:
                raise
            except SendookError as error:  # nothing of the line was written
                unit.settle(line, error, [])
                continue
            if event is None:
                unit.settle(line, {}, [])
            else:
                unit.publish_later(line, event)
        return unit.finish()

    def _store_mail(self, tx: Tx, line: MailLine) -> tuple[Answer, list[Published]]:
        """Store a mail. One that is refused takes its unit with it: a part of it may be stored."""
        stored = [
            self._intake.receive_in(tx, line.mail, recipient, line.sender)
            for recipient in dict.fromkeys(line.recipients)
        ]
        answer = {
            "messageIds": [each.message_id for each in stored],
            "eventIds": [each.event_id for each in stored if each.event_id is not None],
        }
        return answer, all_published(stored)


class _Unit:
    """The lines of one unit of work: what is said of each, and the events that wait for others.

    Args:
        tx: the transaction.
        publisher: adds the events, many at a time.
        lines: all of them, in their order.
    """

    def __init__(self, tx: Tx, publisher: Publisher, lines: Sequence[Line]) -> None:
        self._tx = tx
        self._publisher = publisher
        self._results: list[_Result] = []
        self._waiting: list[tuple[int, OutcomeLine, NewEvent]] = []
        self._waiting_keys: set[str] = set()
        self._new_answers: dict[str, str] = {}
        self._answers = events.find_answers(tx, {line.key for line in lines if line.key})

    def is_settled(self, line: Line) -> bool:
        """Say whether a line repeats one that was answered, and answer it."""
        if line.key is None:
            return False
        if line.key in self._waiting_keys:
            self.publish()
        known = self._answers.get(line.key)
        if known is not None:
            self._results.append((orjson.loads(known), []))
        return known is not None

    def settle(self, line: Line, told: Told, published: list[Published]) -> None:
        """Note what is said of a line; what is a good answer is kept under its key."""
        self._results.append((told, published))
        self._keep(line, told)

    def publish_later(self, line: OutcomeLine, event: NewEvent) -> None:
        """Take an event that is published together with those that follow."""
        self._waiting.append((len(self._results), line, event))
        self._results.append(({}, []))
        if line.key is not None:
            self._waiting_keys.add(line.key)

    def finish(self) -> list[_Result]:
        """Publish and keep what waits; returns what is said of every line."""
        self.publish()
        events.keep_answers(self._tx, self._new_answers)
        return self._results

    def publish(self) -> None:
        """Publish what waits."""
        published = self._publisher.publish_all(self._tx, [new for _, _, new in self._waiting])
        for (index, line, _), each in zip(self._waiting, published, strict=True):
            answer = {"eventId": each.event.id}
            self._results[index] = answer, [each]
            self._keep(line, answer)
        self._waiting.clear()
        self._waiting_keys.clear()

    def _keep(self, line: Line, told: Told) -> None:
        if line.key is not None and isinstance(told, dict):
            self._answers[line.key] = self._new_answers[line.key] = orjson.dumps(told).decode()


def _answer(told: asyncio.Future[list[Told]], said: list[Told]) -> None:
    """Answer whoever still waits."""
    if not told.done():
        told.set_result(said)
