"""Disks that get full, and files that cannot grow, as far as the user may make them."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.server import Server
from tests.requirements import cannot_run

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


@dataclass
class Disk:
    """A file system in a file, with a device of its own (ext4, ``errors=remount-ro``)."""

    device: str
    mounted_at: Path

    def mount(self) -> None:
        options = "errors=remount-ro"
        subprocess.run(["mount", "-o", options, self.device, self.mounted_at], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.mounted_at], check=True)

    def turn_read_only(self) -> None:
        """Have the kernel find an error, as on a disk that dies: nothing more is written at all.

        What a program wrote and did not wait for is lost, too; that cannot be said of SIGKILL.
        """
        Path(f"/sys/fs/ext4/{Path(self.device).name}/trigger_fs_error").write_text("1")

    def mend(self) -> None:
        """Check it and mount it again, as after a restart of the machine."""
        self.unmount()
        done = subprocess.run(["e2fsck", "-fy", self.device], capture_output=True, check=False)
        assert done.returncode in (0, 1), done.stdout  # 1: errors were corrected
        self.mount()


@contextmanager
def own_disk(path: Path, size: int = 64 * MEGABYTE) -> Iterator[Disk]:
    """Mount a disk at a path. The test cannot run where the user, or the kernel, makes none."""
    if not IS_ROOT:
        cannot_run("only root can make a disk")
    image = path.with_name(f"{path.name}.img")
    image.touch()
    os.truncate(image, size)
    path.mkdir()
    try:
        subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True)
        found = subprocess.run(
            ["losetup", "--find", "--show", image], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        cannot_run(f"no disk can be made here: {error}")
    disk = Disk(found.stdout.strip(), path)
    try:
        disk.mount()
        path.chmod(0o700)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)
        subprocess.run(["losetup", "--detach", disk.device], check=True)


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
