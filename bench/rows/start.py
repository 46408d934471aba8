"""B9: how long a start takes until the first overdue delivery leaves, with a backlog or none."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from bench.backlog import open_backlog
from bench.event_feeder import EventFeeder, event_line
from bench.pairs import Measured
from bench.receiver import Receiver
from bench.workshop import Workshop

EVENT = "message.delivered"


def until_first_delivery(workshop: Workshop) -> Measured:
    """Measure B9."""
    open_backlog(workshop, "full")
    with workshop.receiver() as receiver:
        overdue = {name: _deliver_one(workshop, receiver, name) for name in ("full", "empty")}
        return workshop.compare(
            lambda: _start(workshop, receiver, "full", overdue["full"]),
            lambda: _start(workshop, receiver, "empty", overdue["empty"]),
        )


def _deliver_one(workshop: Workshop, receiver: Receiver, name: str) -> int:
    """Have one event delivered, which is made overdue again before every start; returns its seq."""
    with workshop.server(name) as server, closing(EventFeeder(server.events)) as feeder:
        server.add_webhook(receiver.url, EVENT)
        due = receiver.answered + 1
        feeder.push(event_line(EVENT), 1)
        receiver.wait_for(due)
        server.wait_until_settled()
        return server.count("SELECT max(seq) FROM deliveries")


def _start(workshop: Workshop, receiver: Receiver, name: str, delivery: int) -> float:
    """Start a server; returns the milliseconds until its overdue delivery arrives."""
    _make_overdue(workshop.home(name) / "data" / "sendook.db", delivery)
    due = receiver.answered + 1
    begun = time.monotonic()
    with workshop.server(name) as server:
        receiver.wait_for(due)
        server.wait_until_settled()
    return (receiver.last_at - begun) * 1000


def _make_overdue(database: Path, delivery: int) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE deliveries SET status = 'pending', due_at = created_at, completed_at = NULL,"
            " tries = 0 WHERE seq = ?",
            (delivery,),
        )
