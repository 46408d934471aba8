"""Facts about the database itself."""

from collections.abc import Callable
from typing import Final

from sendook_lite.store.tx import Tx

_SEARCHED: Final = 4_000_000
"""To give one page back SQLite searches the whole list of free ones, 1.5 ns for each of them."""


def note_alive(tx: Tx) -> None:
    """Write one small row; succeeds exactly when the store can be written."""
    tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('alive_at', ?)", (tx.now,))


def token_secret(tx: Tx, make: Callable[[], bytes]) -> bytes:
    """Return the secret that signs what comes back to us; made once, kept for good."""
    row = tx.one("SELECT value FROM meta WHERE key = 'token_secret'")
    if row is not None:
        return bytes(row[0])
    secret = make()
    tx.execute("INSERT INTO meta (key, value) VALUES ('token_secret', ?)", (secret,))
    return secret


def give_back_pages(tx: Tx, limit: int) -> bool:
    """Shrink the file by some pages while more than half of it is free; False when it is not.

    What is free is used again before the file grows, so a little is better kept. The more is free,
    the fewer pages are given back at a time, so that it takes some milliseconds in any case.
    """
    (free,), (total,) = tx.all("PRAGMA freelist_count") + tx.all("PRAGMA page_count")
    if free < limit or 2 * free < total:
        return False
    for _ in range(max(1, min(limit, _SEARCHED // free))):
        # SQLite gives back a page for each step of this statement, and sqlite3 takes one step only.
        tx.execute("PRAGMA incremental_vacuum(1)")
    return True
