"""What ``doctor`` sees on this machine: directories, sockets, the database, the disk, the clock."""

import ctypes
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sendook_lite.cli.findings import Finding
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.errors import SendookError
from sendook_lite.inbound.listeners import UnixAddress, parse_address
from sendook_lite.settings import Settings
from sendook_lite.store.database import DATABASE_NAME
from sendook_lite.store.glance import glance

DAY: Final = 86_400
OVERDUE: Final = 2 * DAY
AHEAD_SECONDS: Final = 60
_LARGE_LOG: Final = 1024**3
_NOT_SYNCHRONISED: Final = 5
"""What adjtimex(2) returns when nothing keeps the clock right."""
_TIMEX_BYTES: Final = 512
"""More than the struct of any architecture."""


def look(settings: Settings) -> Iterator[Finding]:
    """Look at everything that is on this machine."""
    directory = Path(settings.server.data_dir).absolute()
    if not directory.is_dir():
        yield Finding(
            "error", "data", f"there is no directory {directory}",
            "`sendook-lite serve` makes it; or is another --data-dir or --config meant?",
        )  # fmt: skip
        return
    yield from _directory(directory)
    yield from _database(directory)
    yield from _disk(directory, settings.server.min_free_bytes)
    yield from _backups(settings, directory)
    yield from _sockets(settings, directory)
    yield from _clock()


def _directory(directory: Path) -> Iterator[Finding]:
    found = directory.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        yield Finding(
            "error", "data", f"{directory} is {mode:04o}: others may reach mail and secrets",
            f"chmod 700 {directory}",
        )  # fmt: skip
    elif not os.access(directory, os.W_OK):
        yield Finding(
            "error", "data", f"{directory} may not be written by this user",
            f"chown -R USER {directory}, with the user that runs the server; or run this as it",
        )  # fmt: skip
    else:
        yield Finding("ok", "data", f"{directory} is for its owner alone")
    for path in directory.glob(f"{DATABASE_NAME}*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield Finding(
                "error", "data", f"{path} is {mode:04o}: others may read it", f"chmod 600 {path}"
            )
        if path.stat().st_uid != found.st_uid:
            yield Finding(
                "error", "data", f"{path} belongs to another user than its directory",
                f"chown --reference={directory} {path}",
            )  # fmt: skip


def _database(directory: Path) -> Iterator[Finding]:
    path = directory / DATABASE_NAME
    if not path.is_file():
        yield Finding("note", "database", "there is none yet", "`sendook-lite serve` makes it")
        return
    try:
        seen = glance(path)
    except SendookError as error:
        yield Finding(
            "error", "database", error.message,
            "`sendook-lite check` says more; `sendook-lite restore COPY` puts a copy in place",
        )  # fmt: skip
        return
    ahead = seen.last_written_at // 1000 - SystemClock().now() // 1000
    if ahead > AHEAD_SECONDS:
        yield Finding(
            "error", "clock",
            f"the database was last written {ahead:,} seconds from now: the clock is behind",
            "timedatectl set-ntp true, and check the time zone of the hardware clock",
        )  # fmt: skip
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size > _LARGE_LOG:
        yield Finding(
            "warning", "database",
            f"{log} has {log.stat().st_size:,} bytes: somebody reads the database for very long",
            f"fuser -v {path} shows who; end it, then restart the server",
        )  # fmt: skip
    yield Finding("ok", "database", f"opens; schema {seen.version}")


def _disk(directory: Path, least: int) -> Iterator[Finding]:
    usage = shutil.disk_usage(directory)
    told = f"{usage.free:,} of {usage.total:,} bytes are free"
    mend = f"make room on the disk of {directory}: df -h {directory}; or keep less ([retention])"
    if usage.free < least:
        yield Finding("error", "disk", f"{told}: under server.min_free_bytes, mail waits", mend)
    elif usage.free < 2 * least or usage.free * 20 < usage.total:
        yield Finding("warning", "disk", f"{told}: mail waits under {least:,}", mend)
    else:
        yield Finding("ok", "disk", told)
    inodes = os.statvfs(directory)
    if inodes.f_files and inodes.f_favail * 100 < inodes.f_files:
        yield Finding("error", "disk", "nearly no file can be made any more (inodes)", mend)


def _backups(settings: Settings, data: Path) -> Iterator[Finding]:
    from sendook_lite.usecases.backups import copies_in, taken_at  # noqa: PLC0415

    if not settings.backup.dir:
        yield Finding(
            "warning", "backup", "no automatic copies are made",
            'set [backup] dir = "…", on another disk; `sendook-lite backup DEST` makes one now',
        )  # fmt: skip
        return
    directory = Path(settings.backup.dir).absolute()
    if not directory.is_dir():
        yield Finding(
            "error", "backup", f"{directory} (backup.dir) does not exist",
            f"mount it, or: install -d -m 700 -o USER {directory}",
        )  # fmt: skip
        return
    if not os.access(directory, os.W_OK):
        yield Finding(
            "error", "backup", f"{directory} may not be written", f"chown USER {directory}"
        )
    if directory.stat().st_dev == data.stat().st_dev:
        yield Finding(
            "note", "backup", f"{directory} is on the disk of the database: one fault takes both",
            "set backup.dir to another disk, or copy it away regularly",
        )  # fmt: skip
    copies = copies_in(directory)
    age = (SystemClock().now() - taken_at(copies[-1])) / 1000 if copies else None
    if age is None:
        yield Finding(
            "note", "backup", f"{directory} has no copy yet", "`sendook-lite backup DEST`"
        )
    elif age > OVERDUE:
        yield Finding(
            "error", "backup", f"the last copy is {age / DAY:.0f} days old",
            'the log of the server says why: search it for "backup failed"',
        )  # fmt: skip
    else:
        yield Finding("ok", "backup", f"the last copy is {age / 3600:.0f} hours old")


def _sockets(settings: Settings, data: Path) -> Iterator[Finding]:
    directory = Path(settings.server.socket_dir or data).absolute()
    for name, setting in (("lmtp", settings.inbound.lmtp), ("events", settings.inbound.events)):
        address = parse_address(setting, directory)
        if isinstance(address, UnixAddress):
            yield from _socket(name, address.path, settings)


def _socket(name: str, path: Path, settings: Settings) -> Iterator[Finding]:
    group, wanted = settings.server.socket_group, int(settings.server.socket_mode, 8)
    if not path.exists():
        yield Finding("note", name, f"{path} is not there: no server runs", "sendook-lite serve")
        return
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode != wanted:
        yield Finding(
            "error", name, f"{path} is {mode:04o}, server.socket_mode says {wanted:04o}",
            f"chmod {wanted:04o} {path}; something changed it after the start",
        )  # fmt: skip
    if not group:
        yield Finding(
            "note", name, f"only the user of the server may use {path}",
            'for a mail server of another user set server.socket_group, e.g. "postfix", and'
            " server.socket_dir",
        )  # fmt: skip
        return
    if found.st_gid != _group_id(group):
        yield Finding(
            "error", name, f"{path} does not belong to the group {group}",
            f"chgrp {group} {path}; or restart the server",
        )  # fmt: skip
        return
    closed = _closed_to(path, found.st_gid)
    if closed is not None:
        yield Finding(
            "error", name, f"the group {group} cannot reach {path}: {closed} is closed to it",
            f"chgrp {group} {closed} && chmod g+x {closed}; or set server.socket_dir to a"
            " directory of its own, e.g. /run/sendook-lite",
        )  # fmt: skip
    else:
        yield Finding("ok", name, f"the group {group} can use {path}")


def _closed_to(path: Path, group: int) -> Path | None:
    """Return the first directory on the way that a group cannot pass."""
    for directory in reversed(path.parents):
        found = directory.stat()
        needed = stat.S_IXGRP if found.st_gid == group else stat.S_IXOTH
        if not found.st_mode & needed:
            return directory
    return None


def _group_id(name: str) -> int | None:
    import grp  # noqa: PLC0415 - rarely needed

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _clock() -> Iterator[Finding]:
    """Ask the kernel whether something keeps the clock right."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return
    if state == _NOT_SYNCHRONISED:
        yield Finding(
            "warning", "clock",
            "nothing keeps this clock right: signatures are refused when it is minutes off",
            "timedatectl set-ntp true (or install chrony); in a container look at its host",
        )  # fmt: skip
    elif state >= 0:
        yield Finding("ok", "clock", "it is kept right")
