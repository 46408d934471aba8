"""Facts about the database itself."""

from sendook_lite.store.writer import Tx


def note_alive(tx: Tx) -> None:
    """Write one small row; succeeds exactly when the store can be written."""
    tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('alive_at', ?)", (tx.now,))
