# ruff: noqa: INP001, PLC0415 - Python finds it by its name; the program is loaded after it
"""Lets the program kill itself at a named write point; it knows nothing of that.

Python runs a module of this name at its start. The harness puts this directory on the PYTHONPATH of
the server alone, and says where it is to end: ``CHAOS_POINT`` names the point, ``CHAOS_PASSAGE``
how often it is passed before. SIGKILL comes from the very thread that is there: nothing runs after.
``CHAOS_SWEEP`` makes old rows go every so many seconds, instead of every minute.
"""

import os
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

POINT = os.environ.get("CHAOS_POINT", "")
migrating = False
_left = int(os.environ.get("CHAOS_PASSAGE", "0"))


def passing(point: str) -> None:
    """End the process here, if this is where it is to end."""
    global _left  # noqa: PLW0603 - one process, one point
    if point == POINT:
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        _left -= 1


class Connection(sqlite3.Connection):
    """Passes a point wherever something is about to be, or just was, on disk."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and not migrating:
            passing("before commit")
            cursor = super().execute(sql, *parameters)
            passing("after commit, before the answer")
            return cursor
        if migrating:
            passing("during a migration")
        return super().execute(sql, *parameters)

    def backup(self, target: sqlite3.Connection, **options: Any) -> None:
        progress = options.pop("progress")

        def look(*pages: int) -> None:
            progress(*pages)
            passing("during a backup")

        super().backup(target, **options | {"progress": look, "pages": 10})
        passing("after a backup's last page")


def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
    return _connect(*arguments, **{"factory": Connection} | options)


_connect = sqlite3.connect
sqlite3.connect = connect


def wrapped(owner: Any, name: str, point: str, *, first: bool = False) -> None:
    """Have a function pass a point before it does its work, or after."""
    work: Callable[..., Any] = getattr(owner, name)

    def passed(*arguments: Any, **options: Any) -> Any:
        if first:
            passing(point)
        result = work(*arguments, **options)
        if not first and result:
            passing(point)
        return result

    setattr(owner, name, passed)


def wrap_the_program() -> None:
    from sendook_lite.delivery.recorder import Recorder
    from sendook_lite.store import database, purge, removal
    from sendook_lite.usecases import replay, retention
    from sendook_lite.usecases.submitting import Submitting

    wrapped(Recorder, "add", "between a POST and the commit of its outcome", first=True)
    wrapped(Submitting, "settle", "between the relay's answer and its record", first=True)
    wrapped(purge, "remove_events", "during a purge")
    wrapped(removal, "remove_old", "during a purge")
    wrapped(replay, "_step", "during a replay")
    migrate = database.migrate

    def migrate_passing(*arguments: Any) -> int:
        global migrating  # noqa: PLW0603 - one process, one migration
        migrating = True
        done = migrate(*arguments)
        migrating = False
        return done

    database.migrate = migrate_passing
    if "CHAOS_SWEEP" in os.environ:
        retention.SWEEP_SECONDS = float(os.environ["CHAOS_SWEEP"])


try:
    wrap_the_program()
except (ImportError, AttributeError) as error:
    # Python would only mention it, and a campaign that passes no point proves nothing.
    raise SystemExit(f"the named points do not fit the program any more: {error}") from error
