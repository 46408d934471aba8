"""The one writer: units of work from many callers, committed together, answered after commit.

A unit of work is a plain function ``def verb(tx, …)``. The writer's thread takes every unit that is
queued, runs each so that it can be undone by itself, and commits once. The line after
``await writer.write(verb, …)`` is therefore after the commit, and callers share one fsync.

At every statement the thread lets go of the interpreter, and gets it back when the event loop next
waits for something. Brief units with many small statements, such as storing a mail, spend more
time on that than on their work: when nothing else waits, the event loop runs them for the thread.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, ParamSpec, TypeVar

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import SendookError, StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.meters import Histogram
from sendook_lite.store.checkpoints import WRITERS_OWN_PAGES
from sendook_lite.store.companions import with_companion
from sendook_lite.store.failures import explain
from sendook_lite.store.tx import Tx
from sendook_lite.store.units import SAVEPOINT, TRANSACTION, Answer, Unit, run, wake

MAX_UNITS_PER_COMMIT = 512
SECONDS_PER_COMMIT = 0.02
"""Bound how long the first caller of a batch waits for the last one; the last unit may exceed."""

BRIEF_UNITS_PER_COMMIT = 16
"""Brief units that the event loop runs in a row: less than 10 ms for which all else waits."""

BUSY_TIMEOUT_MS = 5000
"""How long another program may hold the file before a batch fails."""

COMMIT_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds that a commit, the wait for the disk included, is measured by."""

_CLOSED = "the store is closed"

P = ParamSpec("P")
T = TypeVar("T")


class WriterDied(SendookError):
    """The writer's thread ended on an error of its own; the process must end, not hang."""

    def __init__(self, cause: BaseException) -> None:
        reason = explain(cause) if isinstance(cause, sqlite3.Error) else type(cause).__name__
        super().__init__("writer_died", f"the database writer ended: {reason}")


class Writer:
    """Owns the only writing connection and the thread it lives on.

    ``committed`` is called on that thread after every commit, with the number of rows that were
    changed since the start.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        ids: Ids,
        committed: Callable[[int], None] = lambda _rows: None,
        *,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> None:
        self._path = path
        self._committed = committed
        self._busy_timeout_ms = busy_timeout_ms
        self._clock = clock
        self._ids = ids
        self._queue: SimpleQueue[Unit | None] = SimpleQueue()
        self._first: deque[Unit] = deque()
        self._waiting: deque[Unit] = deque()
        self._batch: list[Unit] = []
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._open = True
        self._closed = False
        self._memory: dict[str, Any] = {}
        self.failure: str | None = None
        """Why the last commit failed; None while the store works."""
        self.commits = Histogram(COMMIT_BOUNDS)
        self.units = 0
        """Units of work that were committed."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    async def write(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit of work; returns after its commit.

        Raises:
            StoreFailed: nothing of the unit was stored; the disk or the file is at fault.
            SendookError: whatever the unit itself raised; nothing of it was stored.
        """
        work = with_companion(work)
        return await self._answer(lambda tx: work(tx, *args, **kwargs))

    async def write_first(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit of work ahead of all that waits; otherwise as ``write``.

        For what bounds itself, such as outcomes of requests in flight. In line with events that
        come in faster than they leave, it would slow down what empties the queue.
        """
        return await self._answer(lambda tx: work(tx, *args, **kwargs), first=True)

    def submit(
        self,
        tell: Callable[[T | None, BaseException | None], None],
        work: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Queue a unit of work; ``tell`` is called with its value or its error, after the commit.

        Raises:
            StoreFailed: the writer is closed.
        """
        self._put(Unit(lambda tx: work(tx, *args, **kwargs), tell))

    def submit_brief(
        self,
        tell: Callable[[T | None, BaseException | None], None],
        work: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Queue a unit of work that takes well below a millisecond; otherwise as ``submit``.

        The event loop may run it: what it does must be bounded, however much is stored.
        """
        self._put(Unit(lambda tx: work(tx, *args, **kwargs), tell, brief=True))

    async def _answer(self, work: Callable[[Tx], T], *, first: bool = False) -> T:
        """Queue a unit of work and wait for what becomes of it."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._put(Unit(work, partial(wake, future), first))
        return await future

    def _put(self, unit: Unit) -> None:
        if self._closed or self._ended.done():
            raise StoreFailed(_CLOSED)
        self._queue.put(unit)

    async def watch(self) -> None:
        """Return when the writer was closed.

        Raises:
            WriterDied: when its thread ended on its own.
        """
        await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Commit what is queued and end the thread."""
        started = self._thread.ident is not None
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        if started:
            await asyncio.wait([self._ended])

    # --- everything below runs on the writer's thread

    def _run(self) -> None:
        """Serve until closed; an error that no unit caused ends the writer for good."""
        error: BaseException | None = None
        try:
            connection = open_for_writing(self._path, self._busy_timeout_ms)
            try:
                self._serve(connection)
            finally:
                connection.close()
        except BaseException as cause:  # noqa: BLE001 - reported through `watch`, never swallowed
            error = WriterDied(cause)
            error.__cause__ = cause
        self._loop.call_soon_threadsafe(self._settle_end, error)

    def _serve(self, connection: sqlite3.Connection) -> None:
        """Commit what comes, many units together, until closed and nothing waits."""
        while self._open or self._first or self._waiting:
            self._take_in(wait=not (self._first or self._waiting))
            answers = self._commit(connection)
            self._batch = []
            self._loop.call_soon_threadsafe(self._deliver, answers)
            self._committed(connection.total_changes)

    def _take_in(self, *, wait: bool) -> None:
        """Take in everything that is queued; the last of it closes the writer."""
        try:
            unit = self._queue.get() if wait else self._queue.get_nowait()
            while unit is not None:
                (self._first if unit.first else self._waiting).append(unit)
                unit = self._queue.get_nowait()
        except Empty:
            return
        self._open = False

    def _next(self, most: int, until: float) -> Unit | None:
        """Return the next unit of a batch; None when it is full, or was long enough."""
        if len(self._batch) >= most:
            return None
        if self._first:
            return self._first.popleft()
        if not self._waiting or (self._batch and self._clock.monotonic() >= until):
            return None
        return self._waiting.popleft()

    def _commit(self, connection: sqlite3.Connection) -> list[Answer]:
        """Run a batch in one transaction and say what became of each unit."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            tx = Tx(connection, self._clock.now(), self._ids, self._memory)
            if not self._first and self._waiting and all(unit.brief for unit in self._waiting):
                answers = self._on_the_loop(lambda: self._work(tx, BRIEF_UNITS_PER_COMMIT))
            else:
                answers = self._work(tx, MAX_UNITS_PER_COMMIT)
            began = self._clock.monotonic()
            connection.execute("COMMIT")
            self.commits.observe(self._clock.monotonic() - began)
            self.units += len(answers)
        except sqlite3.Error as cause:
            # SQLite may have rolled back by itself (SQLITE_FULL does, and it can surface at
            # COMMIT): then nothing of the batch is stored, whatever its units returned.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._memory.clear()
            self.failure = explain(cause)
            return self._refuse_all(StoreFailed(self.failure))
        self.failure = None
        return answers

    def _on_the_loop(self, work: Callable[[], T]) -> T:
        """Have the event loop do something, and wait for it; returns or raises what comes of it."""
        # Of the ways in which one thread tells another, the one with the fewest locks.
        done: SimpleQueue[Callable[[], T]] = SimpleQueue()
        self._loop.call_soon_threadsafe(lambda: done.put(_outcome(work)))
        return done.get()()

    def _work(self, tx: Tx, most: int) -> list[Answer]:
        """Run units that wait, each in a savepoint; one that is alone has the whole transaction.

        Raises:
            sqlite3.Error: when the whole transaction is lost.
        """
        alone = len(self._first) + len(self._waiting) == 1
        bounds = TRANSACTION if alone else SAVEPOINT
        answers: list[Answer] = []
        until = self._clock.monotonic() + SECONDS_PER_COMMIT
        while (unit := self._next(most, until)) is not None:
            self._batch.append(unit)
            answers.append(run(tx, unit, bounds))
        return answers

    def _refuse_all(self, error: StoreFailed) -> list[Answer]:
        """Tell everyone that is in hand or waits the same."""
        units = (*self._batch, *self._first, *self._waiting)
        self._first.clear()
        self._waiting.clear()
        return [Answer(unit.tell, error=error) for unit in units]

    # --- back on the event loop

    def _settle_end(self, error: BaseException | None) -> None:
        if error is None:
            self._ended.set_result(None)
        else:
            self.failure = str(error)
            self._ended.set_exception(error)
            self._ended.exception()  # seen: `watch` raises it to whoever listens
        # The thread is gone: what it had in hand, or never came to, must not wait for ever.
        self._take_in(wait=False)
        self._deliver(self._refuse_all(StoreFailed(_CLOSED)))

    def _deliver(self, answers: list[Answer]) -> None:
        """Tell the callers of a batch; a bug of one of them is not the others' fault."""
        for answer in answers:
            try:
                answer.tell(answer.value, answer.error)
            except Exception as error:  # noqa: BLE001 - handed to whoever logs them all
                told = {"message": "an answer of the store broke its caller", "exception": error}
                self._loop.call_exception_handler(told)


def _outcome(work: Callable[[], T]) -> Callable[[], T]:
    """Do something; returns what returns or raises what came of it."""
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        caught = error

        def again() -> T:
            raise caught

        return again
    return lambda: value


def open_for_writing(path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> sqlite3.Connection:
    """Open the writing connection: transactions are ours to begin, every commit is on disk."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # What a savepoint may have to put back is else written to a temporary file, page by page.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WRITERS_OWN_PAGES}")
    return connection
