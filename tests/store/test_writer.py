"""The writer: what is answered is on disk, what fails fails alone, what breaks is told."""

import asyncio
import resource
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from sendook_lite.domain.errors import NotFound, StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.store.database import Store, prepare
from sendook_lite.store.tx import Tx
from sendook_lite.store.units import wake
from sendook_lite.store.writer import (
    BRIEF_UNITS_PER_COMMIT,
    MAX_UNITS_PER_COMMIT,
    SECONDS_PER_COMMIT,
    Writer,
    WriterDied,
)
from tests.fakes import FakeClock


def put(tx: Tx, key: str, size: int = 1) -> str:
    tx.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (key, "x" * size))
    return key


def value_of(tx: Tx, pragma: str) -> Any:
    row = tx.one(f"PRAGMA {pragma}")
    return None if row is None else row[0]


def trace(tx: Tx, statements: list[str]) -> None:
    tx._connection.set_trace_callback(statements.append)


async def keys(store: Store) -> list[str]:
    return [row[0] for row in await store.reader.all("SELECT key FROM meta ORDER BY key")]


class Gate:
    """Keeps the writer busy, so that what is written meanwhile makes one batch."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._entered = threading.Event()
        self._open = threading.Event()
        self._held: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._held = asyncio.create_task(self._writer.write(self._hold))
        await asyncio.to_thread(self._entered.wait, 10)

    def _hold(self, tx: Tx) -> None:
        assert tx is not None
        self._entered.set()
        self._open.wait(10)

    async def __aexit__(self, *_: object) -> None:
        self._open.set()
        assert self._held is not None
        await self._held


def in_the_way(writer: Writer, how: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return what queues a unit of work in a way and waits for its answer."""
    way = getattr(writer, how)
    if not how.startswith("submit"):
        return cast("Callable[..., Coroutine[Any, Any, Any]]", way)

    async def submit(work: Callable[..., Any], *args: Any) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        way(partial(wake, answer), work, *args)
        return await answer

    return submit


async def batch(
    writer: Writer, *units: tuple[Callable[..., Any], tuple[Any, ...]], how: str = "write"
) -> list[Any | BaseException]:
    """Write units as one batch; returns their answers or errors."""
    write = in_the_way(writer, how)
    async with Gate(writer):
        tasks = [asyncio.create_task(write(work, *args)) for work, args in units]
        await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_reader_sees_the_row_as_soon_as_write_returns(store: Store) -> None:
    for number in range(20):
        assert await store.writer.write(put, f"{number:02}") == f"{number:02}"
        assert (await keys(store))[-1] == f"{number:02}"


async def test_writes_that_come_together_share_one_commit(store: Store) -> None:
    statements: list[str] = []
    await store.writer.write(trace, statements)
    statements.clear()
    answers = await batch(store.writer, *((put, (f"{n:03}",)) for n in range(100)))
    assert answers == [f"{n:03}" for n in range(100)]
    assert statements.count("COMMIT") == 2  # the gate's, and one for all hundred
    assert statements.count("BEGIN IMMEDIATE") == 2


async def test_a_batch_has_a_bound(store: Store) -> None:
    statements: list[str] = []
    await store.writer.write(trace, statements)
    statements.clear()
    await batch(store.writer, *((put, (str(n),)) for n in range(MAX_UNITS_PER_COMMIT + 1)))
    assert statements.count("COMMIT") == 3


def fail_after_writing(tx: Tx, error: Exception) -> None:
    put(tx, "half done")
    raise error


def repeat_a_key(tx: Tx) -> None:
    put(tx, "twice")
    put(tx, "twice")


def speak_nonsense(tx: Tx) -> None:
    put(tx, "half done")
    tx.execute("SELEKT")


def break_a_reference(tx: Tx) -> None:
    put(tx, "half done")
    tx.execute("INSERT INTO blob_chunks (blob_seq, number, data) VALUES (77, 0, x'')")


async def test_a_batch_ends_when_it_has_taken_its_time(store: Store) -> None:
    statements: list[str] = []
    clock = store.writer._clock
    assert isinstance(clock, FakeClock)

    def take_long(_tx: Tx) -> None:
        clock.elapsed += SECONDS_PER_COMMIT

    await store.writer.write(trace, statements)
    async with Gate(store.writer):
        statements.clear()
        waiting = [asyncio.create_task(store.writer.write(take_long)) for _ in range(3)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    # The one that held the gate, then each of the others by itself.
    assert statements.count("COMMIT") == 4


async def test_what_bounds_itself_goes_ahead_of_what_waits(store: Store) -> None:
    order: list[str] = []
    async with Gate(store.writer):
        waiting = [
            asyncio.create_task(write(lambda _tx, name=name: order.append(name)))
            for name, write in (
                ("event", store.writer.write),
                ("another event", store.writer.write),
                ("outcome", store.writer.write_first),
                ("what is due", store.writer.write_first),
            )
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["outcome", "what is due", "event", "another event"]


@pytest.mark.parametrize("how", ["write", "submit_brief"])
@pytest.mark.parametrize(
    ("work", "args", "error"),
    [
        (fail_after_writing, (NotFound("thing"),), NotFound),
        (fail_after_writing, (ValueError("a bug"),), ValueError),
        (repeat_a_key, (), sqlite3.IntegrityError),
        (speak_nonsense, (), sqlite3.OperationalError),
        (break_a_reference, (), sqlite3.IntegrityError),
        (put, ("\ud800",), UnicodeEncodeError),
    ],
)
async def test_a_unit_that_fails_fails_alone_and_leaves_nothing(
    store: Store,
    work: Callable[..., Any],
    args: tuple[Any, ...],
    error: type[Exception],
    how: str,
) -> None:
    before, failed, after = await batch(
        store.writer, (put, ("before",)), (work, args), (put, ("after",)), how=how
    )
    assert (before, after) == ("before", "after")
    assert isinstance(failed, error)
    assert await keys(store) == ["after", "before"]
    assert store.writer.failure is None


async def test_only_units_that_share_a_transaction_have_savepoints(store: Store) -> None:
    statements: list[str] = []
    await store.writer.write(trace, statements)
    statements.clear()
    await store.writer.write(put, "alone")
    assert statements[0] == "BEGIN IMMEDIATE"
    assert "SAVEPOINT unit" not in statements
    await batch(store.writer, (put, ("first",)), (put, ("second",)))
    assert statements.count("SAVEPOINT unit") == 2


async def test_a_caller_that_breaks_on_its_answer_keeps_none_from_others(store: Store) -> None:
    broken: list[Any] = []
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))

    def breaks(_value: object, _error: object) -> None:
        raise ValueError("a bug")

    async with Gate(store.writer):
        store.writer.submit(breaks, put, "first")
        store.writer.submit(lambda value, _error: told.append(value), put, "second")
        last = asyncio.create_task(store.writer.write(put, "third"))
        await asyncio.sleep(0)
    assert await last == "third"
    assert told == ["second"]
    assert [str(each["exception"]) for each in broken] == ["a bug"]
    assert await keys(store) == ["first", "second", "third"]


async def test_a_unit_that_is_alone_and_fails_leaves_nothing_either(store: Store) -> None:
    def put_and_fail(tx: Tx) -> None:
        put(tx, "half")
        raise NotFound("webhook")

    with pytest.raises(NotFound):
        await store.writer.write(put_and_fail)
    assert await store.writer.write(put, "after") == "after"
    assert await keys(store) == ["after"]
    assert store.writer.failure is None


async def test_a_unit_that_is_alone_and_loses_the_transaction_is_not_reported_as_done(
    store: Store,
) -> None:
    def put_and_roll_back(tx: Tx) -> str:
        put(tx, "lost")
        tx.execute("ROLLBACK")
        return "done"

    with pytest.raises(StoreFailed):
        await store.writer.write(put_and_roll_back)
    assert await keys(store) == []
    assert await store.writer.write(put, "after") == "after"


def limit_pages(tx: Tx, spare: int) -> None:
    tx.execute(f"PRAGMA max_page_count = {value_of(tx, 'page_count') + spare}")


@pytest.mark.parametrize("how", ["write", "submit_brief"])
async def test_a_full_disk_fails_the_whole_batch_and_works_again_when_there_is_room(
    store: Store, how: str
) -> None:
    await store.writer.write(limit_pages, 4)
    answers = await batch(
        store.writer, (put, ("small",)), (put, ("large", 100_000)), (put, ("late",)), how=how
    )
    assert [str(answer) for answer in answers] == ["the disk is full"] * 3
    assert all(isinstance(answer, StoreFailed) for answer in answers)
    assert await keys(store) == []
    assert store.writer.failure == "the disk is full"
    await store.writer.write(limit_pages, 1000)
    assert await store.writer.write(put, "large", 100_000) == "large"
    assert store.writer.failure is None


@pytest.mark.parametrize("how", ["write", "submit_brief"])
async def test_a_unit_that_hides_a_lost_transaction_cannot_have_it_reported_as_done(
    store: Store, how: str
) -> None:
    def roll_back(tx: Tx) -> str:
        tx.execute("ROLLBACK")
        return "done"

    def roll_back_and_fail(tx: Tx) -> None:
        tx.execute("ROLLBACK")
        raise ValueError

    for work in (roll_back, roll_back_and_fail):
        answers = await batch(store.writer, (put, ("before",)), (work, ()), how=how)
        assert all(isinstance(answer, StoreFailed) for answer in answers)
        assert await keys(store) == []


async def test_a_commit_that_the_disk_refuses_fails_the_whole_batch(store: Store) -> None:
    log = store.path.with_name(store.path.name + "-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    await store.writer.write(put, "first")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 1000, hard))
    try:
        answers = await batch(
            store.writer, (put, ("a", 20_000)), (remember, ()), (put, ("b", 20_000))
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert all(isinstance(answer, StoreFailed) for answer in answers)
    assert await store.writer.write(recall) is None
    assert await keys(store) == ["first"]
    assert await store.writer.write(put, "again", 20_000) == "again"
    assert await keys(store) == ["again", "first"]


def thread_of(_tx: Tx) -> int:
    return threading.get_ident()


async def test_brief_units_run_on_the_event_loop_unless_others_wait_as_well(store: Store) -> None:
    here = threading.get_ident()
    write_brief = in_the_way(store.writer, "submit_brief")
    assert await write_brief(thread_of) == here
    assert await store.writer.write(thread_of) != here
    assert (
        await batch(store.writer, (thread_of, ()), (thread_of, ()), how="submit_brief")
        == [here] * 2
    )
    for other in (store.writer.write, store.writer.write_first):
        async with Gate(store.writer):
            tasks = [
                asyncio.create_task(write(thread_of)) for write in (write_brief, other, write_brief)
            ]
            await asyncio.sleep(0)
        assert here not in await asyncio.gather(*tasks)


async def test_few_brief_units_run_in_a_row(store: Store) -> None:
    statements: list[str] = []
    await store.writer.write(trace, statements)
    statements.clear()
    units = [(put, (str(n),)) for n in range(2 * BRIEF_UNITS_PER_COMMIT + 1)]
    await batch(store.writer, *units, how="submit_brief")
    assert statements.count("COMMIT") == 1 + 3  # the gate's, and those of the others


@pytest.fixture
async def impatient(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Writer]:
    path = tmp_path / "impatient.db"
    prepare(path)
    writer = Writer(path, clock, Ids(clock), busy_timeout_ms=20)
    writer.start()
    yield writer
    await writer.close()


async def test_a_locked_file_is_told_and_waited_out(impatient: Writer, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "impatient.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFailed, match="locked by another program"):
        await impatient.write(put, "refused")
    other.execute("COMMIT")
    other.close()
    assert await impatient.write(put, "taken") == "taken"


async def test_the_event_loop_never_waits_for_a_locked_file(
    impatient: Writer, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "impatient.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(in_the_way(impatient, "submit_brief")(put, "refused"))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0)
        turns += 1
    with pytest.raises(StoreFailed, match="locked by another program"):
        await writing
    assert turns > 20
    other.close()


def leave(tx: Tx) -> None:
    put(tx, "lost")
    raise SystemExit


@pytest.mark.parametrize("how", ["write", "submit_brief"])
async def test_a_writer_that_dies_fails_everyone_who_waits_and_is_noticed(
    store: Store, how: str
) -> None:
    watch = asyncio.create_task(store.writer.watch())
    answers = await asyncio.wait_for(
        batch(store.writer, (put, ("with it",)), (leave, ()), (put, ("behind",)), how=how), 10
    )
    assert [type(answer) for answer in answers] == [StoreFailed] * 3
    with pytest.raises(WriterDied):
        await asyncio.wait_for(watch, 10)
    with pytest.raises(StoreFailed, match="closed"):
        await store.writer.write(put, "later")
    assert await keys(store) == []
    assert "writer ended" in str(store.writer.failure)


async def test_a_file_that_is_no_database_ends_the_writer(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 1000)
    writer = Writer(path, clock, Ids(clock))
    writer.start()
    with pytest.raises(StoreFailed):
        await asyncio.wait_for(writer.write(put, "x"), 10)
    with pytest.raises(WriterDied, match="the database file is damaged"):
        await asyncio.wait_for(writer.watch(), 10)
    await writer.close()


async def test_a_caller_that_goes_away_neither_stops_its_unit_nor_its_neighbours(
    store: Store,
) -> None:
    async with Gate(store.writer):
        gone = asyncio.create_task(store.writer.write(put, "gone"))
        failing = asyncio.create_task(store.writer.write(repeat_a_key))
        stays = asyncio.create_task(store.writer.write(put, "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        failing.cancel()
    assert await stays == "stays"
    assert gone.cancelled()
    assert await keys(store) == ["gone", "stays"]


@pytest.mark.parametrize("how", ["write", "submit_brief"])
async def test_close_commits_what_is_queued_and_takes_nothing_more(store: Store, how: str) -> None:
    write = in_the_way(store.writer, how)
    async with Gate(store.writer):
        tasks = [asyncio.create_task(write(put, str(n))) for n in range(5)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.writer.close())
        await asyncio.sleep(0)
        with pytest.raises(StoreFailed, match="closed"):
            await store.writer.write(put, "late")
    await closing
    assert await asyncio.gather(*tasks) == ["0", "1", "2", "3", "4"]
    assert await keys(store) == ["0", "1", "2", "3", "4"]
    await store.writer.watch()
    await store.writer.close()


async def test_a_writer_that_never_started_can_be_closed(tmp_path: Path, clock: FakeClock) -> None:
    await Writer(tmp_path / "never.db", clock, Ids(clock)).close()


def remember(tx: Tx) -> None:
    tx.memory["who"] = "remembered"


def recall(tx: Tx) -> str | None:
    found: str | None = tx.memory.get("who")
    return found


def remember_and_fail(tx: Tx) -> None:
    remember(tx)
    raise NotFound("thing")


async def test_what_is_remembered_between_transactions_is_dropped_by_a_rollback(
    store: Store,
) -> None:
    await store.writer.write(remember)
    assert await store.writer.write(recall) == "remembered"
    with pytest.raises(NotFound):
        await store.writer.write(remember_and_fail)
    assert await store.writer.write(recall) is None
    await store.writer.write(remember)
    await store.writer.write(limit_pages, 1)
    with pytest.raises(StoreFailed):
        await store.writer.write(put, "large", 100_000)
    assert await store.writer.write(recall) is None


@pytest.mark.parametrize(
    ("pragma", "value"), [("synchronous", 2), ("foreign_keys", 1), ("journal_mode", "wal")]
)
async def test_commits_are_durable_and_references_are_kept(
    store: Store, pragma: str, value: object
) -> None:
    assert await store.writer.write(value_of, pragma) == value


async def test_all_units_of_a_transaction_share_one_instant(store: Store, clock: FakeClock) -> None:
    def instant(tx: Tx) -> int:
        clock.wall += 1
        return tx.now

    first, second = await batch(store.writer, (instant, ()), (instant, ()))
    assert first == second


async def test_insert_returns_the_place_of_the_row(store: Store) -> None:
    def add(tx: Tx) -> int:
        return tx.insert("INSERT INTO blobs (size) VALUES (?)", (1,))

    assert [await store.writer.write(add), await store.writer.write(add)] == [1, 2]
