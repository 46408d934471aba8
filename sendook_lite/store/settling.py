"""Settles deliveries: their attempts become rows, and each is pending again or has ended."""

from collections.abc import Sequence
from itertools import chain
from typing import Literal, NamedTuple

from sendook_lite.domain.model import Event, Settlement
from sendook_lite.store.tx import Row, Tx, in_statements, values_of

Ending = Literal["delivered", "failed"]

FEW = 4
"""From so many on, deliveries are settled together; it takes SQLite a table made for that."""


class Settled(NamedTuple):
    """A recorded attempt, and how its delivery ended with it; None: it goes on, or had ended."""

    done: Settlement
    ended: Ending | None


def settle(tx: Tx, settlements: Sequence[Settlement], now: int) -> list[Settled]:
    """Record attempts and what became of their deliveries, oldest first.

    ``now`` is the time that due times are measured against. A delivery that is gone meanwhile,
    with its webhook, is passed over and missing from what is returned.

    An outcome that comes in after its delivery was re-opened or canceled is recorded as an attempt.
    It changes the state only where a canceled delivery turns out to be delivered; one that was
    re-opened keeps the attempts it is still promised.
    """
    delivered = [done for done in settlements if done.state == "delivered"]
    together = len(delivered) >= FEW and _settle_delivered(tx, delivered)
    settled = [
        each
        for done in settlements
        if (
            each := Settled(done, "delivered")
            if together and done.state == "delivered"
            else _settle_one(tx, done)
        )
        is not None
    ]
    ids = iter(tx.ids.some("atm", len(settled)))
    tx.add_all(_INTO_ATTEMPTS, [_attempt_row(each.done, next(ids)) for each in settled])
    if any(done.state == "pending" for done in settlements):
        tx.execute(_NOTE_SCHEDULING, (now,))
    return settled


def _settle_delivered(tx: Tx, settlements: Sequence[Settlement]) -> bool:
    """Settle what was delivered, many with one statement.

    Returns False, and changes nothing, where a row is gone or was re-opened or canceled meanwhile:
    they are to be settled one by one.
    """
    rows = {
        done.delivery.seq: (done.delivery.seq, done.delivery.generation, done.status)
        for done in settlements
    }
    batches = [
        (values_of(len(some), 3), tuple(chain.from_iterable(some)))
        for some in in_statements(tuple(rows.values()))
    ]
    known = 0
    for values, flat in batches:
        found = tx.one(f"WITH done (seq, generation, status) AS ({values}) {_COUNT_AS_SENT}", flat)
        known += found[0] if found else 0
    if known < len(settlements):
        return False
    for values, flat in batches:
        tx.execute(
            f"WITH done (seq, generation, status) AS ({values}) {_DELIVER}", (*flat, tx.now, tx.now)
        )
    return True


_COUNT_AS_SENT = (
    "SELECT count(*) FROM done CROSS JOIN deliveries ON deliveries.seq = done.seq"
    " AND deliveries.generation = done.generation"
)
_DELIVER = (
    "UPDATE deliveries SET attempt_count = attempt_count + 1, tries = tries + 1,"
    " last_status = done.status, last_error = NULL, updated_at = ?, status = 'delivered',"
    " due_at = NULL, delay = 0, completed_at = ? FROM done WHERE deliveries.seq = done.seq"
)


def _settle_one(tx: Tx, done: Settlement) -> Settled | None:
    """Bring a delivery up to date with an attempt; None when its row is gone."""
    delivery = done.delivery
    ended: Ending | None = None
    if done.state in ("delivered", "failed"):
        ended = done.state
    settled = tx.execute(
        "UPDATE deliveries SET attempt_count = attempt_count + 1, tries = tries + 1,"
        " last_status = ?, last_error = ?, updated_at = ?, status = ?, due_at = ?, delay = ?,"
        " completed_at = ? WHERE seq = ? AND generation = ?",
        (
            done.status,
            done.error,
            tx.now,
            done.state,
            done.due_at,
            done.delay,
            None if ended is None else tx.now,
            delivery.seq,
            delivery.generation,
        ),
    )
    if settled.rowcount:
        return Settled(done, ended)
    mended = done.state == "delivered" and tx.execute(_DELIVERED_AFTER_ALL, (delivery.seq,))
    late = tx.execute(
        "UPDATE deliveries SET attempt_count = attempt_count + 1, last_status = ?, last_error = ?,"
        " updated_at = ? WHERE seq = ?",
        (done.status, done.error, tx.now, delivery.seq),
    )
    if not late.rowcount:
        return None
    return Settled(done, "delivered" if mended and mended.rowcount else None)


_DELIVERED_AFTER_ALL = (
    "UPDATE deliveries SET status = 'delivered' WHERE seq = ? AND status = 'canceled'"
)
_NOTE_SCHEDULING = (
    "INSERT INTO meta (key, value) VALUES ('last_scheduled_at', ?)"
    " ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)"
)
_INTO_ATTEMPTS = (
    "INSERT INTO attempts (id, delivery_seq, webhook_seq, number, trigger, status, error,"
    " response, duration, created_at)"
)


def _attempt_row(done: Settlement, identifier: str) -> Row:
    delivery = done.delivery
    return (
        identifier, delivery.seq, delivery.webhook_seq, delivery.attempt_count + 1,
        delivery.trigger, done.status, done.error, done.response, done.duration_ms,
        done.started_at,
    )  # fmt: skip


def record_test(tx: Tx, event: Event, webhook_seq: int, done: Settlement) -> str:
    """Record a test: a delivery that is settled from the start, and its one attempt.

    Returns the delivery's id.
    """
    seq = tx.insert(
        "INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger, attempt_count,"
        " tries, last_status, last_error, created_at, updated_at, completed_at)"
        " VALUES (?, ?, ?, ?, 'test', 1, 1, ?, ?, ?, ?, ?)",
        (
            done.delivery.id,
            event.seq,
            webhook_seq,
            done.state,
            done.status,
            done.error,
            tx.now,
            tx.now,
            tx.now,
        ),
    )
    row = _attempt_row(done, tx.ids.new("atm"))
    tx.add_all(_INTO_ATTEMPTS, [(row[0], seq, *row[2:])])
    return done.delivery.id
