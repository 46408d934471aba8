"""Automatic copies of the database: one a day, and one before every change of the schema."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from sendook_lite.domain.clock import MS_PER_SECOND, Clock, iso
from sendook_lite.domain.errors import SendookError
from sendook_lite.store.backup import BackupFailed, Copy, copy

EVERY_MS: Final = 24 * 3600 * MS_PER_SECOND
LOOK_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 3600.0
"""How long after a failure it is tried again."""

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"sendook-(\d{8}T\d{6}Z)(-schema-\d+)?\.db")

log = structlog.get_logger(__name__)


def stamp(ms: int) -> str:
    """Write a moment the way file names have it; the order of names is the order of time."""
    return datetime.fromtimestamp(ms / MS_PER_SECOND, UTC).strftime(_STAMP)


class Backups:
    """Keeps copies in a directory. What is due is read from its file names, so nothing is lost by
    a restart, and copies survive the database.

    The directory is never made: a disk that is not mounted must be told, not written beside.
    """  # noqa: D205 - one thought

    def __init__(self, database: Path, directory: Path, keep: int, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._keep = keep
        self._clock = clock
        self._going = True
        self.failure: str | None = None
        """Why the last copy could not be made; None when it could."""

    async def run(self) -> None:
        """Make a copy whenever one is due, until cancelled; a copy under way is then given up."""
        try:
            while True:
                pause = LOOK_SECONDS
                try:
                    await asyncio.to_thread(self._make_if_due)
                except SendookError as error:
                    self.failure = error.message
                    log.error("the daily backup failed", reason=error.message)  # noqa: TRY400 - said
                    pause = RETRY_SECONDS
                await self._clock.sleep(pause)
        finally:
            self._going = False

    def before_migration(self, version: int) -> None:
        """Copy a database of an older schema before it is changed.

        Raises:
            BackupFailed: there is no copy, so the schema must not be changed.
        """
        try:
            made = self._make(f"-schema-{version}")
        except BackupFailed as error:
            raise BackupFailed(
                "the schema is to be changed, and the copy that is made before failed:"
                f' {error.message}. Mend that, or set backup.dir = "" to go without a copy'
            ) from error
        log.info("copied before the schema is changed", file=str(made.path), version=version)

    def facts(self) -> dict[str, Any]:
        """Return what there is, for the status page."""
        copies = copies_in(self._directory)
        return {
            "copies": len(copies),
            "lastAt": iso(taken_at(copies[-1])) if copies else None,
            "failure": self.failure,
        }

    def _make_if_due(self) -> None:
        copies = [path for path in copies_in(self._directory) if _kind(path) is None]
        # A copy from the future was made under a wrong clock and says nothing about the last day.
        if copies and 0 <= self._clock.now() - taken_at(copies[-1]) < EVERY_MS:
            return
        made = self._make()
        self.failure = None
        log.info("backup made", file=str(made.path), bytes=made.size)

    def _make(self, kind: str = "") -> Copy:
        if not self._directory.is_dir():
            raise BackupFailed(f"the directory {self._directory} (backup.dir) does not exist")
        for left in self._directory.glob("sendook-*.db.partial"):
            left.unlink(missing_ok=True)
        name = f"sendook-{stamp(self._clock.now())}{kind}.db"
        made = copy(self._database, self._directory / name, going=lambda: self._going)
        self._prune()
        return made

    def _prune(self) -> None:
        """Remove the oldest copies; the daily ones and the others are counted apart."""
        copies = copies_in(self._directory)
        for daily in (True, False):
            of_kind = [path for path in copies if (_kind(path) is None) is daily]
            for path in of_kind[: -self._keep]:
                path.unlink(missing_ok=True)


def copies_in(directory: Path) -> list[Path]:
    """Return the copies that are in a directory, oldest first; none when it cannot be read."""
    try:
        return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []


def _kind(path: Path) -> str | None:
    found = _NAME.fullmatch(path.name)
    return found and found[2]


def taken_at(path: Path) -> int:
    """Return when a copy was made, in ms since the epoch, by its name."""
    text = path.name.removeprefix("sendook-").partition(".")[0].partition("-")[0]
    taken = datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    return int(taken.timestamp()) * MS_PER_SECOND
