"""Checkpoints beside the writer: what the log holds goes into the file while commits go on.

Left alone, SQLite copies the log within a COMMIT, every 1,000 pages, and everybody whose work is in
that commit waits for it: the slowest events of a steady flow were slow by nothing else. A passive
checkpoint of another connection stops nobody. Only the writer can begin the log anew, so it still
makes checkpoints of its own, seldom, and finds hardly anything left to copy then.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

ROWS: Final = 3000
"""Changed rows after which there is one; pages that change with every commit are copied once."""

APART_SECONDS: Final = 0.25
"""What lies between two at least: each waits for the disk, and commits wait behind it."""

WRITERS_OWN_PAGES: Final = 16_000
"""How long the log gets before the writer makes one itself, in pages: 64 MiB."""


class Checkpoints:
    """A connection and the thread that makes checkpoints with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.Thread(target=self._run, name="sqlite-checkpoints", daemon=True)
        self._due = threading.Event()
        self._closing = threading.Event()
        self._rows = 0

    def start(self) -> None:
        """Start the thread; the file must exist and be in WAL mode."""
        self._thread.start()

    def note(self, rows: int) -> None:
        """Take note of a commit; ``rows`` were changed since the writer was opened."""
        if rows - self._rows >= ROWS:
            self._rows = rows
            self._due.set()

    def close(self) -> None:
        """End the thread, after the checkpoint that is being made."""
        self._closing.set()
        self._due.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            while self._due.wait():
                self._due.clear()  # before the look at closing, which sets both
                if self._closing.wait(APART_SECONDS):
                    break
                # What fails here fails again, and is told, where the writer meets it.
                with suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            connection.close()
