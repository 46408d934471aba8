"""The log of events at rest: written once, never changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sendook_lite.domain.body_limit import fit
from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.events import render_body
from sendook_lite.domain.model import Event, NewEvent
from sendook_lite.store.page import PAGE_BYTES, Page, bind, within
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

COLUMNS = "seq, id, type, inbox_id, message_id, body, created_at"


_INTO = "INSERT INTO events (id, type, inbox_id, message_id, is_test, created_at, body)"


def event_of(row: Row) -> Event:
    """Return the event of a row of COLUMNS."""
    return Event(*row)


def append(tx: Tx, happened: Sequence[NewEvent], max_body_bytes: int) -> list[Event]:
    """Render the bodies of events and add them to the log, in their order."""
    now = tx.now
    bodies = [
        (identifier, _render(new, identifier, now, max_body_bytes), new)
        for identifier, new in zip(tx.ids.some("evt", len(happened)), happened, strict=True)
    ]
    seqs = tx.insert_all(
        _INTO,
        [
            (identifier, new.type, new.inbox_id, new.message_id, 0, now, body)
            for identifier, body, new in bodies
        ],
    )
    return [
        Event(seq, identifier, new.type, new.inbox_id, new.message_id, body, now)
        for seq, (identifier, body, new) in zip(seqs, bodies, strict=True)
    ]


def _render(new: NewEvent, identifier: str, now: int, max_body_bytes: int) -> bytes:
    about = (new.inbox_id, new.message_id)
    body = render_body(new.type, identifier, now, new.payload, *about)
    if len(body) > max_body_bytes:
        body = render_body(new.type, identifier, now, fit(new.payload, max_body_bytes), *about)
    return body


def insert_test(tx: Tx, event: Event) -> Event:
    """Add the rendered event of a test, which takes no part in the log."""
    row = event.id, event.type, None, None, 1, event.created_at, event.body
    (seq,) = tx.insert_all(_INTO, [row])
    return event._replace(seq=seq)


def find_answers(tx: Tx, keys: Collection[str]) -> dict[str, str]:
    """Return the answers that lines with these keys got, as JSON; those of new keys are missing."""
    if not keys:
        return {}
    marks = ", ".join("?" * len(keys))
    rows = tx.all(f"SELECT key, answer FROM event_keys WHERE key IN ({marks})", tuple(keys))
    return dict(rows)


def keep_answers(tx: Tx, answers: Mapping[str, str]) -> None:
    """Keep the answers to lines with keys."""
    rows = [(key, answer, tx.now) for key, answer in answers.items()]
    tx.add_all("INSERT INTO event_keys (key, answer, created_at)", rows)


async def list_after(
    reader: Reader,
    *,
    after: str | None,
    limit: int,
    event_type: str | None = None,
    inbox_ids: Collection[str] | None = None,
) -> Page[Event]:
    """Return events in commit order, oldest first, behind the one with the given id.

    ``inbox_ids`` None: events of all inboxes and of none. An ``after`` that is not there begins
    at the oldest event.
    """
    place = "TRUE"
    if after is not None:
        place = "seq > coalesce((SELECT seq FROM events WHERE id = :after), 0)"
    types = None if event_type is None else (event_type,)
    return await _page(reader, place, {"after": after}, limit, PAGE_BYTES, types, inbox_ids)


async def list_between(
    reader: Reader,
    behind: int,
    up_to: int,
    *,
    limit: int,
    max_bytes: int,
    types: Collection[str] | None,
    inbox_ids: Collection[str] | None,
) -> Page[Event]:
    """Return events of a stretch of the log, given by two places, the first one excluded.

    ``types`` None: of all types; ``inbox_ids`` None: of all inboxes and of none.
    """
    stretch = {"behind": behind, "up_to": up_to}
    place = "seq > :behind AND seq <= :up_to"
    return await _page(reader, place, stretch, limit, max_bytes, types, inbox_ids)


async def _page(
    reader: Reader,
    place: str,
    bound: Mapping[str, Any],
    limit: int,
    max_bytes: int,
    types: Collection[str] | None,
    inbox_ids: Collection[str] | None,
) -> Page[Event]:
    inboxes = None if inbox_ids is None else bind("inbox", inbox_ids)
    kinds = None if types is None else bind("type", types)
    sizes = await reader.all(
        _walk(place, inboxes, kinds),
        {**bound, "limit": limit + 1, **(inboxes or {}), **(kinds or {})},
    )
    fitting = within(sizes[:limit], max_bytes)
    if not fitting:
        return Page([])
    marks = ", ".join("?" * len(fitting))
    rows = await reader.all(
        f"SELECT {COLUMNS} FROM events WHERE seq IN ({marks}) ORDER BY seq", fitting
    )
    return Page([event_of(row) for row in rows], more=len(sizes) > len(fitting))


def _walk(place: str, inboxes: Collection[str] | None, types: Collection[str] | None) -> str:
    """Return SQL for seq and size of events in order.

    Several inboxes, or else several types, are one ordered walk along the index each, merged: never
    a sort of everything.
    """
    walk = f"SELECT seq, length(body) FROM events WHERE is_test = 0 AND {place}"
    end = " ORDER BY seq LIMIT :limit"
    along = [""]
    if inboxes is not None:
        if types is not None:
            # The plus keeps SQLite on the index of inboxes.
            walk += f" AND +type IN ({', '.join(f':{name}' for name in types)})"
        along = [f" AND inbox_id = :{name}" for name in inboxes]
    elif types is not None:
        along = [f" AND type = :{name}" for name in types]
    if len(along) == 1:
        return walk + along[0] + end
    walks = [f"SELECT * FROM ({walk}{one}{end})" for one in along]
    return " UNION ALL ".join(walks or [f"{walk} AND FALSE"]) + end


async def last_seq(reader: Reader) -> int:
    """Return the place of the newest event; 0 when there is none."""
    row = await reader.one("SELECT max(seq) FROM events")
    return (row[0] if row else None) or 0


async def seq_of(reader: Reader, identifier: str) -> int | None:
    """Return the place of an event; None when it is not in the log (any more)."""
    row = await reader.one("SELECT seq FROM events WHERE id = ?", (identifier,))
    return row[0] if row else None


async def newest_id(
    reader: Reader, up_to: int, inbox_ids: Collection[str] | None = None
) -> str | None:
    """Return the id of the newest event up to a place; None when there is none."""
    walk = "SELECT seq, id FROM events WHERE is_test = 0 AND seq <= :up_to"
    end = " ORDER BY seq DESC LIMIT 1"
    inboxes = bind("inbox", inbox_ids or ())
    walks = [f"SELECT * FROM ({walk} AND inbox_id = :{name}{end})" for name in inboxes]
    if inbox_ids is None:
        walks = [f"SELECT * FROM ({walk}{end})"]
    sql = " UNION ALL ".join(walks or [f"{walk} AND FALSE"]) + end
    row = await reader.one(sql, {"up_to": up_to, **inboxes})
    return row[1] if row else None


async def exists(reader: Reader, identifier: str) -> bool:
    """Say whether an event is (still) in the log."""
    return await reader.one("SELECT 1 FROM events WHERE id = ?", (identifier,)) is not None


async def get(reader: Reader, identifier: str) -> Event:
    """Return an event, a test's included; NotFound when there is none."""
    row = await reader.one(f"SELECT {COLUMNS} FROM events WHERE id = ?", (identifier,))
    if row is None:
        raise NotFound("event")
    return event_of(row)


async def count_deliveries(reader: Reader, events: list[Event]) -> dict[int, dict[str, int]]:
    """Count the deliveries of each event by state; keyed by the event's seq."""
    marks = ", ".join("?" * len(events))
    rows = await reader.all(
        "SELECT event_seq, status, count(*) FROM deliveries"
        f" WHERE event_seq IN ({marks}) GROUP BY event_seq, status",
        [event.seq for event in events],
    )
    counts: dict[int, dict[str, int]] = {}
    for seq, status, count in rows:
        counts.setdefault(seq, {})[status] = count
    return counts
