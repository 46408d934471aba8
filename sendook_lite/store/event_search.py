"""The log read backwards: newest first, by type, inbox and any text in a body."""

from collections.abc import Collection
from dataclasses import dataclass

from sendook_lite.domain.model import Event, Message
from sendook_lite.store.events import COLUMNS, event_of
from sendook_lite.store.page import PAGE_BYTES, bind, within
from sendook_lite.store.reader import Reader

LOOKED_THROUGH = 5000
READ_AT_ONCE = 500
"""Events that one search for a text looks through, and in steps of how many: it reads bodies."""
STORY_LOOKED_THROUGH = 20_000
MAX_STORY = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Some events, newest first, and where the log goes on; None: nothing older is left."""

    events: list[Event]
    before: str | None


async def newest(
    reader: Reader,
    *,
    limit: int,
    before: str | None = None,
    types: Collection[str] = (),
    inbox_ids: Collection[str] | None = None,
    text: str = "",
) -> Found:
    """Return events from before an id.

    ``types`` empty: of all types; ``inbox_ids`` None: of all inboxes and of none.

    With a text at most LOOKED_THROUGH events are looked through, so fewer than ``limit`` may be
    found although there are more behind ``before``.
    """
    kinds, boxes = bind("type", types), bind("inbox", inbox_ids or ())
    where = "is_test = 0"
    if before is not None:
        where += " AND seq < coalesce((SELECT seq FROM events WHERE id = :before), 0)"
    # One ordered walk along an index for each inbox, or else each type; never a sort of everything.
    if inbox_ids is not None:
        of_type = f" AND +type IN ({', '.join(f':{name}' for name in kinds)})" if kinds else ""
        along = [f" AND inbox_id = :{name}{of_type}" for name in boxes] or [" AND FALSE"]
    else:
        along = [f" AND type = :{name}" for name in kinds] or [""]
    walked = LOOKED_THROUGH if text else limit + 1
    walk = f"SELECT seq, id, length(body) AS size FROM events WHERE {where}"
    end = " ORDER BY seq DESC LIMIT :walked"
    sql = f"{walk}{along[0]}{end}"
    if len(along) > 1:
        sql = " UNION ALL ".join(f"SELECT * FROM ({walk}{one}{end})" for one in along) + end
    rows = await reader.all(sql, {"before": before, "walked": walked, **kinds, **boxes})
    last = rows[-1][1] if len(rows) == walked else None
    if text:
        rows = await _holding(reader, rows, text, limit + 1)
    fitting = within([(seq, size) for seq, _, size in rows[:limit]], PAGE_BYTES)
    if not fitting:
        return Found([], last)
    marks = ", ".join("?" * len(fitting))
    found = await reader.all(
        f"SELECT {COLUMNS} FROM events WHERE seq IN ({marks}) ORDER BY seq DESC", fitting
    )
    events = [event_of(row) for row in found]
    return Found(events, events[-1].id if len(rows) > len(fitting) else last if text else None)


async def _holding(
    reader: Reader, rows: list[tuple[int, str, int]], text: str, limit: int
) -> list[tuple[int, str, int]]:
    """Return the first rows whose event holds a text in its body; letters match either case."""
    found: list[tuple[int, str, int]] = []
    for first in range(0, len(rows), READ_AT_ONCE):
        some = rows[first : first + READ_AT_ONCE]
        marks = ", ".join("?" * len(some))
        holding = await reader.all(
            f"SELECT seq FROM events WHERE seq IN ({marks})"
            " AND instr(lower(CAST(body AS TEXT)), lower(?))",
            (*(row[0] for row in some), text),
        )
        seqs = {row[0] for row in holding}
        found += [row for row in some if row[0] in seqs]
        if len(found) >= limit:
            break
    return found


async def of_message(reader: Reader, message: Message) -> list[Event]:
    """Return the events of a message, oldest first, as far as the next of its inbox tell."""
    rows = await reader.all(
        f"SELECT {COLUMNS} FROM events WHERE seq IN (SELECT seq FROM (SELECT seq, message_id"
        " FROM events WHERE inbox_id = :inbox AND seq >= (SELECT min(seq) FROM events"
        " WHERE created_at = (SELECT min(created_at) FROM events WHERE created_at >= :since))"
        " ORDER BY seq LIMIT :walked) WHERE message_id = :message LIMIT :limit) ORDER BY seq",
        {
            "inbox": message.inbox_id,
            "since": message.created_at,
            "message": message.id,
            "walked": STORY_LOOKED_THROUGH,
            "limit": MAX_STORY,
        },
    )
    return [event_of(row) for row in rows]
