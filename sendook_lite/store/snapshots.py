"""Reads of several steps beside the writer, all of them in one snapshot of the database.

What a snapshot shows was committed before it was taken. Whoever acts upon it must know by itself
what was committed since.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.store.failures import explain
from sendook_lite.store.tx import View
from sendook_lite.store.writer import BUSY_TIMEOUT_MS

P = ParamSpec("P")
T = TypeVar("T")


class Snapshots:
    """A ``query_only`` connection and the thread it lives on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the connection; the file must exist and be migrated."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-snapshots")
        self._connection = await asyncio.get_running_loop().run_in_executor(
            self._thread, _open, self._path
        )

    async def close(self) -> None:
        """Close the connection after what it is asked for now, and end the thread."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        if self._thread is not None:
            self._thread.shutdown()

    async def read(
        self, work: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a plain function that reads, on a snapshot taken after this call.

        Raises:
            StoreFailed: the file cannot be read.
        """
        connection = self._connection
        if connection is None:
            raise StoreFailed("the store is closed")

        def look() -> T:
            connection.execute("BEGIN")
            try:
                return work(View(connection), *args, **kwargs)
            finally:
                connection.execute("COMMIT")

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, look)
        except sqlite3.Error as error:
            raise StoreFailed(explain(error)) from error


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=32,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only = ON")
    return connection
