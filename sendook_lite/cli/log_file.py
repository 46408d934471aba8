"""Follows a log file through rotation: whole lines in their order, each once.

A place is an offset in a file that is known again by its inode and by how it begins: a renamed file
keeps both, a copy (logrotate's ``copytruncate``) the beginning, a new file neither. What was not
read yet of a rotated file is found among its siblings (``mail.log.1``) while they are not
compressed.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

_CHUNK: Final = 64 * 1024
_HEAD: Final = 512
_COMPRESSED: Final = frozenset({".gz", ".xz", ".bz2", ".zst"})


class LogFile:
    """A log file, from a place on; without one from its end, or its beginning.

    Args:
        path: need not exist yet.
        place: what `place` returned earlier.
        from_start: where to begin without a place.
    """

    def __init__(self, path: Path, place: dict[str, Any] | None, *, from_start: bool) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._offset = 0
        self._head = 0
        self._digest = ""
        if place is not None:
            self._return_to(place)
        elif self._open(path) and not from_start:
            self._advance(_end_of_lines(self._descriptor))

    def read(self) -> list[bytes]:
        """Return lines that were not read yet, without their ends; none when there are none now."""
        if self._file is None and not self._open(self._path):
            return []
        if not self._is_same():
            self._return_to(self.place())
            return []
        # Looked up before the last read: what is written to it later is not left behind.
        successor = self._find_successor()
        lines = self._read_lines()
        if not lines and successor is not None:
            self._open(successor)
        return lines

    def place(self) -> dict[str, Any]:
        """Return where the lines end that were read, as a JSON object."""
        return {
            "inode": 0 if self._file is None else os.fstat(self._descriptor).st_ino,
            "offset": self._offset,
            "head": self._head,
            "digest": self._digest,
        }

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _descriptor(self) -> int:
        if self._file is None:
            raise ValueError("no file is open")
        return self._file.fileno()

    def _read_lines(self) -> list[bytes]:
        """Read on to the last end of a line; a line that is longer than a chunk is cut."""
        chunk = os.pread(self._descriptor, _CHUNK, self._offset)
        length = chunk.rfind(b"\n") + 1
        if length == 0 and len(chunk) < _CHUNK:
            return []
        length = length or len(chunk)
        self._advance(self._offset + length)
        return chunk[:length].splitlines()

    def _advance(self, offset: int) -> None:
        self._offset = offset
        if self._head < _HEAD:
            self._head = min(_HEAD, offset)
            self._digest = _digest(self._descriptor, self._head)

    def _open(self, path: Path) -> bool:
        """Begin with a file; False when it is not there."""
        try:
            opened = path.open("rb")
        except FileNotFoundError:
            return False
        self.close()
        self._file = opened
        self._offset = self._head = 0
        self._digest = _digest(self._descriptor, 0)
        return True

    # --- rotation

    def _is_same(self) -> bool:
        """Say whether what was read is still there; it is not after a truncation."""
        size = os.fstat(self._descriptor).st_size
        return size >= self._offset and _digest(self._descriptor, self._head) == self._digest

    def _return_to(self, place: dict[str, Any]) -> None:
        """Find the file that a place is in; when it is gone, the whole present file is new."""
        for path, _ in reversed(self._generations()):
            if self._open(path) and self._holds(place):
                self._advance(place["offset"])
                return
        self.close()
        self._open(self._path)

    def _holds(self, place: dict[str, Any]) -> bool:
        found = os.fstat(self._descriptor)
        if found.st_size < place["offset"]:
            return False
        # What begins alike may be a copy; before anything was read only the inode can tell.
        alike = _digest(self._descriptor, place["head"]) == place["digest"]
        return alike and bool(place["head"] or found.st_ino == place["inode"])

    def _find_successor(self) -> Path | None:
        """Return the file that goes on where the open one ends; None while it is the present one.

        A new file that is still empty is no successor yet: the logger writes to the old one until
        it is told to open the new.
        """
        inode = os.fstat(self._descriptor).st_ino
        generations = self._generations()
        inodes = [found.st_ino for _, found in generations]
        # One that was removed is followed by the present one.
        after = inodes.index(inode) + 1 if inode in inodes else -1
        return next((path for path, found in generations[after:] if found.st_size), None)

    def _generations(self) -> list[tuple[Path, os.stat_result]]:
        """Return the rotated files that can be read, oldest first, and the present one last."""
        generations = []
        for path in (*self._path.parent.glob(f"{self._path.name}[.-]*"), self._path):
            if path.suffix not in _COMPRESSED:
                with suppress(FileNotFoundError):  # it may be renamed this moment
                    generations.append((path, path.stat()))
        generations.sort(key=lambda each: (each[0] == self._path, each[1].st_mtime_ns))
        return generations


def _digest(descriptor: int, size: int) -> str:
    """Return a digest of how a file begins."""
    return hashlib.sha256(os.pread(descriptor, size, 0)).hexdigest()[:32]


def _end_of_lines(descriptor: int) -> int:
    """Return where the last whole line of a file ends; one being written is still to come."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - _CHUNK)
    return start + os.pread(descriptor, _CHUNK, start).rfind(b"\n") + 1
