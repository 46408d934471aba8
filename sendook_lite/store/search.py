"""The full-text index of mail: filled in batches, and always behind by known messages only.

Every word in the index begins with two characters that name its inbox, so that what a search costs
depends on that inbox alone, and mail of others is not even looked at. The index keeps no text: to
take a message out, its words are made again from its content, which is why nothing of that content
that is searched may change but through ``forget`` and ``add``.

One interval of ``messages.seq`` is in the index. It grows upwards with new mail, and downwards
through what was there before there was an index; what lies outside of it has no words in it.
"""

from dataclasses import dataclass
from typing import Final

from sendook_lite.domain.model import Message, MessageContent
from sendook_lite.domain.search_words import Term, label_key, sender_key, words_of
from sendook_lite.store.messages import ALWAYS, Period, read, stretch, unpack
from sendook_lite.store.page import PAGE_BYTES, Page, seq_before, within
from sendook_lite.store.reader import Reader
from sendook_lite.store.writer import Row, Tx

BATCH_ROWS: Final = 20
BATCH_BYTES: Final = 256 * 1024
"""Messages, and bytes of their contents, that one unit of work adds: 4 to 10 ms of the writer."""

ENTRY_ROWS: Final = 8
"""To take a message out of the index costs the writer about as much as removing so many rows."""

MERGE_PAGES: Final = 16
"""Pages of the index that one unit of work merges: a few milliseconds."""

_ROWID: Final = "message_search.rowid"

# An inbox is named by two characters for private use, of which no word is made.
_FIRST: Final = 0xE000
_DIGITS: Final = 6000


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for; None where it does not matter. ``terms`` () find nothing."""

    terms: tuple[Term, ...] | None = None
    label: str | None = None
    sender: str | None = None
    period: Period = ALWAYS

    @property
    def indexed(self) -> bool:
        """Whether the index is needed to find it."""
        return (self.terms, self.label, self.sender) != (None, None, None)


# --- filling it


def start_anew_if_outdated(tx: Tx, version: str) -> bool:
    """Empty the index if its words were made by other rules; it is then filled like a new one."""
    row = tx.one("SELECT version FROM search_state")
    if row is not None and row[0] == version:
        return False
    tx.execute("INSERT INTO message_search (message_search) VALUES ('delete-all')")
    tx.execute(
        "UPDATE search_state SET version = ?,"
        " oldest = (SELECT coalesce(max(seq), 0) + 1 FROM messages),"
        " newest = (SELECT coalesce(max(seq), 0) FROM messages)",
        (version,),
    )
    return True


def add_newer(tx: Tx) -> bool:
    """Add some of the mail that came since; False when none is left."""
    _, newest = _interval(tx)
    sizes = tx.all(
        "SELECT seq, content_size FROM messages WHERE seq > ? ORDER BY seq LIMIT ?",
        (newest, BATCH_ROWS),
    )
    seqs = within(sizes, BATCH_BYTES)
    if seqs:
        _add(tx, seqs[0], seqs[-1])
        tx.execute("UPDATE search_state SET newest = ?", (seqs[-1],))
    return len(seqs) == BATCH_ROWS or len(seqs) < len(sizes)


def add_older(tx: Tx) -> bool:
    """Add some of the mail that was there before the index; False when none is left."""
    oldest, _ = _interval(tx)
    sizes = tx.all(
        "SELECT seq, content_size FROM messages WHERE seq < ? ORDER BY seq DESC LIMIT ?",
        (oldest, BATCH_ROWS),
    )
    seqs = within(sizes, BATCH_BYTES)
    if seqs:
        _add(tx, seqs[-1], seqs[0])
        tx.execute("UPDATE search_state SET oldest = ?", (seqs[-1],))
    return bool(seqs)


def merge_some(tx: Tx) -> bool:
    """Merge some small segments into larger ones, for fast searches; False when there are few."""
    if not tx.memory.get(_GREW):
        return False  # asked without need, FTS5 writes to the disk all the same
    before = tx.changes()
    tx.execute(
        "INSERT INTO message_search (message_search, rank) VALUES ('merge', ?)", (MERGE_PAGES,)
    )
    merged = tx.changes() - before > 1  # as FTS5 documents it
    if not merged:
        del tx.memory[_GREW]
    return merged


def add(tx: Tx, inbox_seq: int, message: Message) -> None:
    """Add a message again whose words were taken out; nothing if its turn has not come."""
    if _contains(tx, message.seq):
        tx.execute(_INSERT, (message.seq, _entry(inbox_seq, message.content)))
        tx.memory[_GREW] = True


def forget(tx: Tx, inbox_seq: int, seq: int, content: MessageContent) -> bool:
    """Take the words of a message out; returns whether they were there."""
    if not _contains(tx, seq):
        return False
    tx.execute(
        "INSERT INTO message_search (message_search, rowid, words) VALUES ('delete', ?, ?)",
        (seq, _entry(inbox_seq, content)),
    )
    tx.memory[_GREW] = True
    return True


_GREW: Final = "search_grew"
_INSERT: Final = "INSERT INTO message_search (rowid, words) VALUES (?, ?)"


def _interval(tx: Tx) -> Row:
    return tx.all("SELECT oldest, newest FROM search_state")[0]


def _contains(tx: Tx, seq: int) -> bool:
    oldest, newest = _interval(tx)
    return bool(oldest <= seq <= newest)


def _add(tx: Tx, first: int, last: int) -> None:
    rows = tx.all(
        "SELECT seq, inbox_seq, content FROM messages WHERE seq BETWEEN ? AND ? ORDER BY seq",
        (first, last),
    )
    tx.execute_many(_INSERT, [(seq, _entry(inbox, unpack(text))) for seq, inbox, text in rows])
    tx.memory[_GREW] = True


def _entry(inbox_seq: int, content: MessageContent) -> str:
    inbox = _inbox_name(inbox_seq)
    return " ".join([inbox + word for word in words_of(content)])


def _inbox_name(seq: int) -> str:
    """Return two characters; inboxes that share them are told apart by their rows."""
    return chr(_FIRST + seq // _DIGITS % _DIGITS) + chr(_FIRST + seq % _DIGITS)


# --- asking it


async def behind(reader: Reader) -> tuple[bool, bool]:
    """Say whether new mail, and whether mail from before the index, is still to be added."""
    rows = await reader.all(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE seq > newest),"
        " EXISTS (SELECT 1 FROM messages WHERE seq < oldest) FROM search_state"
    )
    return bool(rows[0][0]), bool(rows[0][1])


async def list_page(
    reader: Reader, inbox_seq: int, filters: Filters, limit: int, before: str | None
) -> Page[Message]:
    """Return messages of an inbox that match, newest first."""
    wanted = _match(inbox_seq, filters)
    if wanted is None:
        return Page([])
    period = filters.period
    rows = await reader.all(
        # Driven by the index, newest first: it stops as soon as the page is full.
        "SELECT messages.seq, messages.content_size FROM message_search CROSS JOIN messages"
        " ON messages.seq = message_search.rowid WHERE message_search MATCH :wanted"
        f" AND messages.inbox_seq = :inbox AND {seq_before('messages', before, _ROWID)}"
        f" AND {await stretch(reader, period, _ROWID)}"
        " ORDER BY message_search.rowid DESC LIMIT :limit",
        {
            "wanted": wanted,
            "inbox": inbox_seq,
            "before": before,
            "since": period.since,
            "until": period.until,
            "limit": limit + 1,
        },
    )
    found = await read(reader, inbox_seq, within(rows[:limit], PAGE_BYTES))
    return Page(found, more=len(rows) > len(found))


def _match(inbox_seq: int, filters: Filters) -> str | None:
    """Write what is looked for as an FTS5 query; None when nothing can match.

    Words hold neither quotes nor spaces, so a quoted one is one token, whatever somebody typed.
    """
    inbox = _inbox_name(inbox_seq)
    if filters.terms == ():
        return None
    exact = [] if filters.label is None else [label_key(filters.label)]
    if filters.sender is not None:
        exact.append(sender_key(filters.sender))
    wanted = [*(Term(key) for key in exact), *(filters.terms or ())]
    return " AND ".join(f'"{inbox}{term.word}"{"*" if term.prefix else ""}' for term in wanted)
