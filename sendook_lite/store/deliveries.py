"""Deliveries at rest: fanned out with their event, due by their row, canceled in batches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import orjson

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import (
    Delivery,
    DeliveryStatus,
    DueDelivery,
    Event,
    Trigger,
)
from sendook_lite.store import webhooks
from sendook_lite.store.page import Page, bind, cut, seq_before
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx, View

_SELECT = (
    "SELECT deliveries.seq, deliveries.id, events.id, webhooks.id, events.type,"
    " deliveries.status, deliveries.attempt_count, deliveries.due_at, deliveries.last_status,"
    " deliveries.last_error, deliveries.created_at, deliveries.updated_at,"
    " deliveries.completed_at FROM deliveries"
    " JOIN events ON events.seq = deliveries.event_seq"
    " JOIN webhooks ON webhooks.seq = deliveries.webhook_seq AND webhooks.deleted_at IS NULL"
)


def _delivery(row: Row) -> Delivery:
    return Delivery(*row)


def fan_out(tx: Tx, happened: Sequence[Event], due_at: int) -> list[list[DueDelivery]]:
    """Owe each event to every enabled webhook that wants it, due at once."""
    owed = [
        (event, webhook_seq)
        for event in happened
        for webhook_seq in webhooks.subscribers(tx, event.type, event.inbox_id)
    ]
    ids, now = tx.ids.some("dlv", len(owed)), tx.now
    seqs = tx.insert_all(
        "INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger, due_at, created_at,"
        " updated_at)",
        [
            (identifier, event.seq, webhook_seq, "pending", "scheduled", due_at, now, now)
            for identifier, (event, webhook_seq) in zip(ids, owed, strict=True)
        ],
    )
    fresh: dict[int, list[DueDelivery]] = {event.seq: [] for event in happened}
    for seq, identifier, (event, webhook_seq) in zip(seqs, ids, owed, strict=True):
        # By position, as wherever there is one for every delivery: names take half as long again.
        fresh[event.seq].append(
            DueDelivery(
                seq, identifier, webhook_seq, event.id, event.type, event.body, 0, 0, "scheduled", 0
            )
        )
    return list(fresh.values())


@dataclass(frozen=True, slots=True)
class DueWindow:
    """The next due deliveries of a webhook, and when the one behind them is due (ms or None)."""

    deliveries: list[DueDelivery]
    next_due_at: int | None


def take_due(
    view: View, webhook_seq: int, now: int, limit: int, claimed: Collection[int]
) -> DueWindow:
    """Read the due deliveries of a webhook that are not claimed in memory, oldest due first.

    Live deliveries and replayed ones get half of the limit each, and what the other kind leaves.
    Whatever is claimed when the snapshot is asked for is passed over: a snapshot may still show as
    pending what is settled by now, but nothing that was settled, and so let go, before it was
    taken. A webhook that is not enabled has nothing due, whatever its rows say until they are
    canceled.
    """
    canceled_up_to = webhooks.find_cancellation(view, webhook_seq)
    if canceled_up_to is None:
        return DueWindow([], None)
    live, replayed = (
        _ahead(view, webhook_seq, kind, canceled_up_to, claimed, limit + 1)
        for kind in (_LIVE_KIND, _REPLAYED_KIND)
    )
    live_due, replayed_due = (
        [each for each in ahead if each[1] <= now][:limit] for ahead in (live, replayed)
    )
    taken = live_due[: max(limit - len(replayed_due), (limit + 1) // 2)]
    taken += replayed_due[: limit - len(taken)]
    seqs = {seq for seq, _ in taken}
    behind = [due_at for seq, due_at in chain(live, replayed) if seq not in seqs]
    return DueWindow(_load(view, [seq for seq, _ in taken]), min(behind, default=None))


def _ahead(
    view: View, webhook_seq: int, kind: int, behind: int, claimed: Collection[int], limit: int
) -> list[tuple[int, int]]:
    """Return what is due next of one kind, as (seq, due_at)."""
    row = view.one(
        f"SELECT json_group_array(json_array(seq, due_at)) FROM ({_AHEAD})",
        (webhook_seq, kind, behind, orjson.dumps(tuple(claimed)).decode(), limit),
    )
    return [] if row is None else [(seq, due_at) for seq, due_at in orjson.loads(row[0])]


_LIVE_KIND, _REPLAYED_KIND = 0, 1
_AHEAD = (
    "SELECT seq, due_at FROM deliveries INDEXED BY deliveries_due WHERE webhook_seq = ?"
    " AND (trigger = 'replay') = ? AND due_at IS NOT NULL AND seq > ?"
    " AND seq NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at, seq LIMIT ?"
)


def _load(view: View, seqs: Sequence[int]) -> list[DueDelivery]:
    """Load deliveries with the bodies of their events, in the order of their seqs.

    They come as one row, which SQLite puts together while the event loop goes on: for each row that
    is fetched the interpreter would change hands twice. The row holds a list in JSON, and the
    bodies one behind the other, for as JSON within JSON they would be written and read anew. Long
    bodies are fetched singly, for they would be in memory several times.
    """
    row = view.one(_LOAD, (orjson.dumps(seqs).decode(), _BODY_AT_ONCE))
    described, together = row or ("[]", None)
    bodies, start = (together or "").encode(), 0
    loaded = {}
    for seq, identifier, webhook_seq, event_id, event_type, size, *counts in orjson.loads(
        described
    ):
        if size is None:
            body = _load_body(view, seq)
        else:
            body, start = bodies[start : start + size], start + size
        loaded[seq] = DueDelivery(seq, identifier, webhook_seq, event_id, event_type, body, *counts)
    return [loaded[seq] for seq in seqs]


def _load_body(view: View, seq: int) -> bytes:
    row = view.one(
        "SELECT events.body FROM deliveries JOIN events ON events.seq = deliveries.event_seq"
        " WHERE deliveries.seq = ?",
        (seq,),
    )
    if row is None:
        raise NotFound("delivery")
    return bytes(row[0])


_BODY_AT_ONCE = 16_384
_LOAD = (
    "SELECT json_group_array(json_array(deliveries.seq, deliveries.id, deliveries.webhook_seq,"
    " events.id, events.type, iif(length(events.body) <= ?2, length(events.body), NULL),"
    " deliveries.attempt_count, deliveries.tries, deliveries.trigger, deliveries.generation,"
    " deliveries.replay_seq)),"
    " group_concat(iif(length(events.body) <= ?2, CAST(events.body AS TEXT), NULL), '')"
    " FROM json_each(?1)"
    " CROSS JOIN deliveries ON deliveries.seq = json_each.value"
    " CROSS JOIN events ON events.seq = deliveries.event_seq"
)


def cancel_pending(tx: Tx, webhook_seq: int, up_to: int, limit: int) -> int:
    """Cancel some pending deliveries of a webhook, none that is newer; returns how many."""
    return tx.execute(
        "UPDATE deliveries SET status = 'canceled', due_at = NULL, generation = generation + 1,"
        " updated_at = ?, completed_at = ? WHERE seq IN"
        " (SELECT seq FROM deliveries WHERE webhook_seq = ? AND due_at IS NOT NULL AND seq <= ?"
        " LIMIT ?)",
        (tx.now, tx.now, webhook_seq, up_to, limit),
    ).rowcount


def remove_of_webhook(tx: Tx, webhook_seq: int, limit: int) -> int:
    """Remove some attempts, then some deliveries, of a deleted webhook; returns how many rows."""
    removed = tx.execute(
        "DELETE FROM attempts WHERE seq IN"
        " (SELECT seq FROM attempts WHERE webhook_seq = ? LIMIT ?)",
        (webhook_seq, limit),
    ).rowcount
    if removed:
        return removed
    return tx.execute(
        "DELETE FROM deliveries WHERE seq IN"
        " (SELECT seq FROM deliveries WHERE webhook_seq = ? LIMIT ?)",
        (webhook_seq, limit),
    ).rowcount


def get_in(tx: Tx, identifier: str) -> Delivery:
    """Return a delivery inside a transaction; NotFound when there is none."""
    row = tx.one(f"{_SELECT} WHERE deliveries.id = ?", (identifier,))
    if row is None:
        raise NotFound("delivery")
    return _delivery(row)


def find_of_event(tx: Tx, event_seq: int, webhook_seq: int) -> tuple[int, DeliveryStatus] | None:
    """Return the delivery of an event to a webhook, as (seq, status), if there is one."""
    row = tx.one(
        "SELECT seq, status FROM deliveries WHERE event_seq = ? AND webhook_seq = ?",
        (event_seq, webhook_seq),
    )
    return (row[0], row[1]) if row else None


def insert_replayed(tx: Tx, event_seq: int, webhook_seq: int, due_at: int, replay_seq: int) -> None:
    """Owe a webhook an event that it was never owed."""
    tx.execute(
        "INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger, due_at, replay_seq,"
        " created_at, updated_at) VALUES (?, ?, ?, 'pending', 'replay', ?, ?, ?, ?)",
        (tx.ids.new("dlv"), event_seq, webhook_seq, due_at, replay_seq, tx.now, tx.now),
    )


def reopen(tx: Tx, seq: int, trigger: Trigger, due_at: int, replay_seq: int | None = None) -> None:
    """Have a delivery attempted again, as if it were new; what is under way for it is outdated."""
    tx.execute(
        "UPDATE deliveries SET status = 'pending', trigger = ?, due_at = ?, replay_seq = ?,"
        " delay = 0, tries = 0, generation = generation + 1, completed_at = NULL, updated_at = ?"
        " WHERE seq = ?",
        (trigger, due_at, replay_seq, tx.now, seq),
    )


def has_pending_of_replay(tx: Tx, replay_seq: int) -> bool:
    """Say whether a replay has deliveries that have not ended."""
    return tx.one(f"{_PENDING_OF_REPLAY} LIMIT 1", (replay_seq,)) is not None


def cancel_of_replay(tx: Tx, replay_seq: int, limit: int) -> int:
    """Cancel some pending deliveries of a canceled replay; returns how many."""
    return tx.execute(
        "UPDATE deliveries SET status = 'canceled', due_at = NULL, generation = generation + 1,"
        f" updated_at = ?, completed_at = ? WHERE seq IN ({_PENDING_OF_REPLAY} LIMIT ?)",
        (tx.now, tx.now, replay_seq, limit),
    ).rowcount


_PENDING_OF_REPLAY = "SELECT seq FROM deliveries WHERE replay_seq = ? AND due_at IS NOT NULL"


async def list_page(
    reader: Reader,
    *,
    limit: int,
    before: str | None = None,
    status: str | None = None,
    webhook_id: str | None = None,
    event_id: str | None = None,
    inbox_ids: Collection[str] | None = None,
) -> Page[Delivery]:
    """Return deliveries, newest first; ``inbox_ids`` None: of events of all inboxes and of none."""
    conditions = [seq_before("deliveries", before)]
    webhook = "deliveries.webhook_seq"
    if status is not None:
        conditions.append("deliveries.status = :status")
        if status != "delivered":
            # The condition of the partial index, repeated so that SQLite may use it, and a sign
            # that keeps SQLite from the webhook's own index, where such a delivery is rare.
            conditions.append("deliveries.status <> 'delivered'")
            webhook = f"+{webhook}"
    if webhook_id is not None:
        conditions.append(f"{webhook} = (SELECT seq FROM webhooks WHERE id = :webhook)")
    if event_id is not None:
        conditions.append("deliveries.event_seq = (SELECT seq FROM events WHERE id = :event)")
    inboxes = bind("inbox", inbox_ids or ())
    if inbox_ids is not None:
        conditions.append(f"events.inbox_id IN ({', '.join(f':{name}' for name in inboxes)})")
    rows = await reader.all(
        f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY deliveries.seq DESC LIMIT :limit",
        {
            "before": before,
            "limit": limit + 1,
            "status": status,
            "webhook": webhook_id,
            "event": event_id,
            **inboxes,
        },
    )
    return cut([_delivery(row) for row in rows], limit)


async def get(reader: Reader, identifier: str) -> Delivery:
    """Return a delivery; NotFound when there is none."""
    row = await reader.one(f"{_SELECT} WHERE deliveries.id = ?", (identifier,))
    if row is None:
        raise NotFound("delivery")
    return _delivery(row)


def first_due(tx: Tx, webhook_seq: int) -> int | None:
    """Return when the first pending delivery of a webhook is due."""
    first = [
        due_at
        for kind in (_LIVE_KIND, _REPLAYED_KIND)
        for _, due_at in _ahead(tx, webhook_seq, kind, 0, (), 1)
    ]
    return min(first, default=None)


def clamp_due_times(tx: Tx, now: int) -> int:
    """Bring due times back that a clock set back since has put further away than their delay.

    Every due time was at most ``now + delay`` when it was written, and ``last_scheduled_at`` keeps
    the latest such now: only when that lies ahead of us there is anything to look for. Returns how
    many deliveries were brought back.
    """
    row = tx.one("SELECT value FROM meta WHERE key = 'last_scheduled_at'")
    if row is None or row[0] <= now:
        return 0
    tx.execute("UPDATE meta SET value = ? WHERE key = 'last_scheduled_at'", (now,))
    return tx.execute(
        "UPDATE deliveries SET due_at = ? + delay WHERE due_at IS NOT NULL AND due_at > ? + delay",
        (now, now),
    ).rowcount
