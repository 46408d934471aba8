"""Where the time of one event goes: ``python -m bench.anatomy`` measures each station by itself.

Every station is the product's own code, fed with the same event thousands of times on one thread;
the figures are CPU time per event in microseconds, the best of some rounds, the kernel included.
They leave out what only the whole has: waiting for the disk, for the interpreter, for turns.
"""

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from bench.event_feeder import event_line
from bench.receiver import Receiver
from bench.sample_mail import mails
from bench.workshop import CACHE
from sendook_lite.delivery.endpoint import Endpoint, render_common, render_request
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.delivery.sender import Sender
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.endpoint_url import parse as parse_url
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.mail import parse as parse_mail
from sendook_lite.domain.model import DueDelivery, NewEvent, Secret, Settlement
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.signing import signing_key
from sendook_lite.inbound.event_line import read_line, write_answer
from sendook_lite.store import deliveries, events
from sendook_lite.store.migrate import migrate, migrations
from sendook_lite.store.tx import Tx
from sendook_lite.store.writer import open_for_writing
from sendook_lite.usecases.settling import Settling

EVENTS = 256
ROUNDS = 12
IN_FLIGHT = 32
MAX_BODY = 1 << 20
SECRET = Secret("whsec_" + "A" * 43 + "=", None)

Station = tuple[str, float]


def main() -> None:
    """Print the stations of an event, then those of a mail."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=CACHE) as directory:
        body, stations = _stored(Path(directory))
        stations[2:2] = uvloop.run(_sent(Path(directory), body))
    line = event_line("message.delivered").rstrip()
    stations.insert(0, ("read the line", _best(lambda: [read_line(line) for _ in range(EVENTS)])))
    answer = {"eventId": "evt_01KJM1CVT0000000000000000A"}
    stations.insert(
        3, ("write the answer", _best(lambda: [write_answer(answer, 1) for _ in range(EVENTS)]))
    )
    for name, spent in (*stations, ("all stations", sum(spent for _, spent in stations))):
        sys.stdout.write(f"{spent:7.1f}  {name}\n")
    raw = next(mails([1])).removesuffix(b".\r\n")
    spent = _best(lambda: [parse_mail(raw) for _ in range(EVENTS)])
    sys.stdout.write(f"\n{spent:7.1f}  parse a mail of 5 kB\n")


def _best(work: Callable[[], object]) -> float:
    """Return the least CPU time per event of some rounds, in microseconds."""
    spent = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        work()
        spent.append(time.thread_time() - begun)
    return min(spent) / EVENTS * 1e6


class _Meter:
    """The CPU time of a connection's statements, taken apart from that of their callers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.spent = 0.0

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        begun = time.thread_time()
        cursor = self._connection.execute(sql, parameters)
        self.spent += time.thread_time() - begun
        return cursor


@contextmanager
def _database(directory: Path) -> Iterator[sqlite3.Connection]:
    path = directory / "anatomy.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as fresh:
        migrate(fresh, migrations())
    with closing(open_for_writing(path)) as connection:
        connection.execute(
            "INSERT INTO webhooks (id, url, events, status, created_at, updated_at)"
            " VALUES ('wh_1', 'http://x/', '[\"message.delivered\"]', 'enabled', 1, 1)"
        )
        yield connection


def _stored(directory: Path) -> tuple[bytes, list[Station]]:
    """Add events with their deliveries, then settle them; returns a body, and the stations."""
    clock = SystemClock()
    ids = Ids(clock)
    settling = Settling(DisableRule(10, 86_400_000), ())
    new = NewEvent(
        "message.delivered", {"from": "a@x.example", "to": ["b@y.example"], "text": "x" * 800}
    )
    memory: dict[str, Any] = {}
    fresh: list[DueDelivery] = []
    adding: list[tuple[float, float]] = []
    recording: list[tuple[float, float]] = []
    with _database(directory) as connection:

        def commit(work: Callable[[Tx], object], figures: list[tuple[float, float]]) -> None:
            meter = _Meter(connection)
            begun = time.thread_time()
            meter.execute("BEGIN IMMEDIATE")
            work(Tx(meter, clock.now(), ids, memory))  # type: ignore[arg-type] # all of it that is used
            meter.execute("COMMIT")
            spent = time.thread_time() - begun
            figures.append((spent - meter.spent, meter.spent))

        def add(tx: Tx) -> None:
            log = events.append(tx, [new] * EVENTS, MAX_BODY)
            fresh[:] = [owed for each in deliveries.fan_out(tx, log, tx.now) for owed in each]

        def record(tx: Tx) -> None:
            done = [Settlement(each, tx.now, 3, 200, None, "", "delivered") for each in fresh]
            settling.record(tx, done, tx.now)

        for _ in range(ROUNDS):
            commit(add, adding)
            commit(record, recording)
    best = [
        min(figure[side] for figure in figures) / EVENTS * 1e6
        for figures in (adding, recording)
        for side in (0, 1)
    ]
    names = (
        "render event and delivery, mint their ids",
        "SQLite: add both, with the share of a commit",
        "work out what an outcome means",
        "SQLite: add the attempt, settle the delivery, with the share of a commit",
    )
    return fresh[0].body, list(zip(names, best, strict=True))


async def _sent(directory: Path, body: bytes) -> list[Station]:
    """Render, sign and send requests; returns the stations."""
    clock = SystemClock()
    delivery = DueDelivery(
        1, "dlv_01KJM1CVT0", 1, "evt_01KJM1CVT0", "message.delivered", body, 0, 0, "scheduled", 0
    )
    with Receiver(CACHE / "native", directory / "counters") as receiver:
        endpoint = Endpoint("wh_1", parse_url(receiver.url), (signing_key(SECRET),), (), 15.0)
        resolver = Resolver(clock)
        sender = Sender(guard=Guard(("127.0.0.0/8",)), resolver=resolver, clock=clock, version="0")
        common = render_common("0")
        rendering = _best(
            lambda: [render_request(endpoint, delivery, common, 1) for _ in range(EVENTS)]
        )

        async def send_some() -> None:
            for _ in range(EVENTS // IN_FLIGHT):
                await sender.send(endpoint, delivery, clock.now())

        spent = []
        for _ in range(ROUNDS):
            begun = time.thread_time()
            await asyncio.gather(*(send_some() for _ in range(IN_FLIGHT)))
            spent.append((time.thread_time() - begun) / EVENTS * 1e6)
        await sender.close()
        resolver.close()
    return [
        ("render and sign the request", rendering),
        ("send it, read the answer", min(spent) - rendering),
    ]


if __name__ == "__main__":
    main()
