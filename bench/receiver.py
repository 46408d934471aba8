"""The far end: a native receiver compiled on the spot, whose counters are read without asking it.

It must never be the bottleneck. Each run therefore measures how many requests it takes from a
native client beside it, and every row tells which share of the time it was busy.
"""

import mmap
import struct
import subprocess
import time
from pathlib import Path

from bench.processes import Process, cpu_seconds

POLL_SECONDS = 0.001
PATIENCE_SECONDS = 60.0

_SOURCES = Path(__file__).parent / "native"
_RING = 1 << 16
_HEAD = struct.Struct("=QQQQ")
_PROBE_SECONDS = 2.0
_PROBE = b"POST /capacity HTTP/1.1\r\nhost: receiver\r\ncontent-length: 1000\r\n\r\n" + b"x" * 1000


def compile_native(name: str, into: Path) -> Path:
    """Compile one of the native programs with gcc, unless that is done; returns the program."""
    source, program = _SOURCES / f"{name}.c", into / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        into.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["gcc", "-O2", "-Wall", "-Wextra", "-o", str(program), str(source)], check=True
        )
    return program


class Receiver(Process):
    """A running receiver.

    Args:
        programs: where native programs are kept.
        counters: the file it counts in.
    """

    def __init__(self, programs: Path, counters: Path) -> None:
        self._programs = programs
        counters.unlink(missing_ok=True)
        super().__init__([compile_native("receiver", programs), counters])
        self.port = int(self.hear())
        self.url = f"http://127.0.0.1:{self.port}/"
        with counters.open("rb") as file:
            self._counters = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    @property
    def answered(self) -> int:
        """Requests answered since the start."""
        return int(_HEAD.unpack_from(self._counters)[0])

    @property
    def hanging(self) -> int:
        """Requests that got no answer on purpose, since the start."""
        return int(_HEAD.unpack_from(self._counters)[1])

    @property
    def delays_noted(self) -> int:
        """How many delays were noted since the start."""
        return int(_HEAD.unpack_from(self._counters)[2])

    @property
    def last_at(self) -> float:
        """When the last request was answered, on the monotonic clock, in seconds."""
        return int(_HEAD.unpack_from(self._counters)[3]) / 1e9

    def delays_since(self, first: int) -> list[float]:
        """Return the delays that were noted from the given one on, in ms."""
        last = self.delays_noted
        if last - first > _RING:
            raise RuntimeError(f"only the last {_RING} delays are kept")
        return [
            struct.unpack_from("=Q", self._counters, _HEAD.size + 8 * (n % _RING))[0] / 1e6
            for n in range(first, last)
        ]

    def wait_for(self, answered: int) -> None:
        """Wait until so many requests were answered since the start.

        Raises:
            RuntimeError: nothing came for a long time.
        """
        seen, give_up = self.answered, time.monotonic() + PATIENCE_SECONDS
        while seen < answered:
            time.sleep(POLL_SECONDS)
            if self.answered > seen:
                seen, give_up = self.answered, time.monotonic() + PATIENCE_SECONDS
            elif time.monotonic() > give_up:
                raise RuntimeError(f"{answered - seen} deliveries never arrived")

    def busy_seconds(self) -> float:
        """Return the CPU time it has used."""
        return cpu_seconds(self.pid)

    def measure_capacity(self, connections: int) -> float:
        """Return how many requests per second it takes when the client costs next to nothing."""
        blast = compile_native("blast", self._programs)
        done = subprocess.run(
            [str(blast), str(self.port), str(connections), str(_PROBE_SECONDS)],
            input=_PROBE,
            capture_output=True,
            check=True,
        )
        return float(done.stdout)
