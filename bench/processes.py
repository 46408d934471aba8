"""Processes of the benchmark: started, watched through /proc, and ended without a trace."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

END_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A child with pipes; ends with the block it is used in."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        log: IO[bytes] | None = None,
    ) -> None:
        self._child = subprocess.Popen(
            [str(word) for word in command],
            env=None if environment is None else dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    def tell(self, line: str) -> None:
        """Write a line to the process."""
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def hear(self) -> str:
        """Read a line from the process.

        Raises:
            RuntimeError: it ended instead.
        """
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._child.args!r} ended with {self._child.wait()}")
        return line.rstrip("\n")

    def stop(self) -> None:
        """End the process, by force if it does not end when asked to."""
        self._child.terminate()
        try:
            self._child.communicate(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Yardstick(Process):
    """One of the programs in ``bench/yardsticks``: does something each time it is told to."""

    def __init__(self, name: str, *arguments: object) -> None:
        super().__init__([sys.executable, "-m", f"bench.yardsticks.{name}", *map(str, arguments)])
        self.ready: dict[str, Any] = json.loads(self.hear())
        """What the program said when it was ready."""

    def go(self, line: str) -> dict[str, Any]:
        """Have it done; returns what came of it."""
        self.tell(line)
        answer: dict[str, Any] = json.loads(self.hear())
        return answer


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, its threads included, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_megabytes(pid: int) -> float:
    """Return how much memory of a process is resident, in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"nothing is known of the memory of process {pid}")
