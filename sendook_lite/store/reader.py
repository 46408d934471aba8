"""Reads beside the writer: a few connections that can only query, each on a thread of its own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.store.failures import explain
from sendook_lite.store.tx import Parameters, Row
from sendook_lite.store.writer import BUSY_TIMEOUT_MS

CONNECTIONS = 2


class Reader:
    """A small pool of ``query_only`` connections."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connections: list[aiosqlite.Connection] = []
        self._free: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()

    async def open(self) -> None:
        """Open the connections; the file must exist and be migrated."""
        for _ in range(CONNECTIONS):
            connection = await aiosqlite.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
            self._connections.append(connection)
            await connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            await connection.execute("PRAGMA query_only = ON")
            self._free.put_nowait(connection)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            await connection.close()

    async def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Return all rows of a query.

        Raises:
            StoreFailed: when the file cannot be read.
        """
        async with self._borrow() as connection:
            try:
                # aiosqlite promises rows of `sqlite3.Row`; without a row factory they are tuples.
                return list(await connection.execute_fetchall(sql, parameters))  # type: ignore[arg-type]
            except sqlite3.Error as error:
                raise StoreFailed(explain(error)) from error

    async def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """Return the first row of a query, or None."""
        rows = await self.all(sql, parameters)
        return rows[0] if rows else None

    @asynccontextmanager
    async def _borrow(self) -> AsyncIterator[aiosqlite.Connection]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)
