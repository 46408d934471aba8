"""Disks that get full, and files that cannot grow, as far as the user may make them."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.server import Server

MEGABYTE = 1024 * 1024


@contextmanager
def small_disk(path: Path, size: int = 16 * MEGABYTE) -> Iterator[Path]:
    """A file system of its own in memory; only root can make one."""
    path.mkdir()
    options = f"size={size},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def filled(server: Server) -> Iterator[None]:
    """Take all room on the small disk of a server."""
    filler = server.data_dir / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    yield
    filler.unlink()


@contextmanager
def no_more_bytes(server: Server) -> Iterator[None]:
    """Let the process of a server write no file beyond its present size: input/output errors."""
    log = server.data_dir / "sendook.db-wal"
    limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, limits[1]))
    yield
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)


IS_ROOT = os.geteuid() == 0
