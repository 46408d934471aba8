"""Watches the room left on the disk, so that the doors close before SQLite meets its end."""

import shutil
from pathlib import Path

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import Unavailable

LOOK_EVERY_SECONDS = 1.0


class DiskSpace:
    """Knows whether there is room for more; asks the file system once a second at most."""

    def __init__(self, directory: Path, min_free_bytes: int, clock: Clock) -> None:
        self._directory = directory
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._looked_at = -LOOK_EVERY_SECONDS
        self._free = 0

    def free_bytes(self) -> int:
        """Return how many bytes are free, at most a second old."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = now
            self._free = shutil.disk_usage(self._directory).free
        return self._free

    def shortage(self) -> str | None:
        """Say that the disk is too full to take anything; None when it is not."""
        free = self.free_bytes()
        if free >= self._min_free_bytes:
            return None
        return (
            f"the disk is nearly full: {free} bytes are free, server.min_free_bytes asks for"
            f" {self._min_free_bytes}"
        )

    def ensure(self) -> None:
        """Refuse when the disk is too full.

        Raises:
            Unavailable: nothing may be stored now.
        """
        shortage = self.shortage()
        if shortage is not None:
            raise Unavailable("disk_nearly_full", shortage)
