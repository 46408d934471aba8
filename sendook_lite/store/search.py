"""The full-text index of mail: filled in batches, and always behind by known messages only.

Every word in the index begins with three characters that name its inbox and its block of messages.
A search reads one block after the other, newest first, until its page is full: mail of other
inboxes is not even looked at, and a word that every mail holds costs no more than a block of it.

The index keeps no text. To take a message out, its words are made again from its content, which is
why nothing of that content that is searched may change but through ``forget`` and ``add``.

One interval of ``messages.seq`` is in the index. It grows upwards with new mail, and downwards
through what was there before there was an index; what lies outside of it has no words in it.
"""

import sys
from dataclasses import dataclass
from typing import Final

from sendook_lite.domain.model import Message, MessageContent
from sendook_lite.domain.search_words import Term, label_key, sender_key, words_of
from sendook_lite.store.messages import ALWAYS, Period, read, stretch, unpack
from sendook_lite.store.page import PAGE_BYTES, Page, seq_before, within
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Row, Tx

BATCH_ROWS: Final = 20
BATCH_BYTES: Final = 256 * 1024
"""Messages, and bytes of their contents, that one unit of work adds: 4 to 10 ms of the writer."""

ENTRY_ROWS: Final = 8
"""To take a message out of the index costs the writer about as much as removing so many rows."""

MERGE_PAGES: Final = 16
"""Pages of the index that one unit of work merges: a few milliseconds."""

BLOCK: Final = 8192
"""Messages of all inboxes whose words share a name. For the beginning of a word FTS5 reads all mail
that holds such words before it answers, which is 80 to 190 ms for 100,000 mails."""

# A name is made of characters for private use, of which no word is made.
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
        tx.add_all(_INTO, [(message.seq, _entry(inbox_seq, message.seq, message.content))])
        tx.memory[_GREW] = True


def forget(tx: Tx, inbox_seq: int, seq: int, content: MessageContent) -> bool:
    """Take the words of a message out; returns whether they were there."""
    if not _contains(tx, seq):
        return False
    tx.execute(
        "INSERT INTO message_search (message_search, rowid, words) VALUES ('delete', ?, ?)",
        (seq, _entry(inbox_seq, seq, content)),
    )
    tx.memory[_GREW] = True
    return True


_GREW: Final = "search_grew"
_INTO: Final = "INSERT INTO message_search (rowid, words)"


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
    entries = [(seq, _entry(inbox_seq, seq, unpack(text))) for seq, inbox_seq, text in rows]
    tx.add_all(_INTO, entries)
    tx.memory[_GREW] = True


def _entry(inbox_seq: int, seq: int, content: MessageContent) -> str:
    name = _name(inbox_seq, seq // BLOCK)
    return " ".join([name + word for word in words_of(content)])


def _name(inbox_seq: int, block: int) -> str:
    """Return three characters; those that share them are told apart by their rows."""
    digits = inbox_seq // _DIGITS, inbox_seq, block
    return "".join(chr(_FIRST + digit % _DIGITS) for digit in digits)


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
    if filters.terms == ():
        return Page([])
    period = filters.period
    bound = {"before": before, "since": period.since, "until": period.until, "inbox": inbox_seq}
    place = f"{seq_before('messages', before)} AND {await stretch(reader, period)}"
    rows: list[tuple[int, int]] = []
    end = sys.maxsize
    while len(rows) <= limit:
        # Blocks without mail of this inbox are passed over.
        found = await reader.one(
            f"SELECT max(seq) FROM messages WHERE inbox_seq = :inbox AND seq < :end AND {place}",
            {**bound, "end": end},
        )
        if found is None or found[0] is None:
            break
        block = found[0] // BLOCK
        end = block * BLOCK
        rows += await reader.all(
            # Driven by the index, newest first: it stops as soon as the page is full.
            "SELECT messages.seq, messages.content_size FROM message_search CROSS JOIN messages"
            " ON messages.seq = message_search.rowid WHERE message_search MATCH :wanted"
            " AND messages.inbox_seq = :inbox AND message_search.rowid BETWEEN :start AND :newest"
            f" AND {place} ORDER BY message_search.rowid DESC LIMIT :limit",
            {
                **bound,
                "wanted": _match(_name(inbox_seq, block), filters),
                "start": end,
                "newest": found[0],
                "limit": limit + 1 - len(rows),
            },
        )
    shown = await read(reader, inbox_seq, within(rows[:limit], PAGE_BYTES))
    return Page(shown, more=len(rows) > len(shown))


def _match(name: str, filters: Filters) -> str:
    """Write what is looked for as an FTS5 query.

    Words hold neither quotes nor spaces, so a quoted one is one token, whatever somebody typed.
    """
    exact = [] if filters.label is None else [label_key(filters.label)]
    if filters.sender is not None:
        exact.append(sender_key(filters.sender))
    wanted = [*(Term(key) for key in exact), *(filters.terms or ())]
    return " AND ".join(f'"{name}{term.word}"{"*" if term.prefix else ""}' for term in wanted)
