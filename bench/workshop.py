"""Where a run happens: its directories, receivers and servers, cleared away after it.

Everything lies in ``.cache/bench`` of the project, on its disk and not in memory, since what a
commit costs is part of what is measured. Sockets need short paths and get a directory of their own.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.pairs import Measured, Side, Told, measure
from bench.receiver import Receiver
from bench.server import Server

CACHE = Path(__file__).parent.parent / ".cache" / "bench"


class Workshop:
    """The directories of one row."""

    def __init__(self, scratch: Path, sockets: Path, told: Told, pairs: int) -> None:
        self.scratch = scratch
        self.sockets = sockets
        self._told = told
        self._pairs = pairs

    def compare(self, product: Side, yardstick: Side) -> Measured:
        """Measure both sides in turns, as many times as the row asks for."""
        return measure(product, yardstick, self._told, self._pairs)

    def receiver(self, name: str = "receiver") -> Receiver:
        """Start a receiver."""
        return Receiver(CACHE / "native", self.scratch / f"{name}.counters")

    def server(self, name: str = "server") -> Server:
        """Start a server on its directory of this name."""
        return Server(self.home(name), self.sockets)

    def home(self, name: str) -> Path:
        """Return where the server of this name lives."""
        return self.scratch / name

    def copy(self, database: Path, name: str) -> Path:
        """Give the server of this name a copy of a database; returns the copy."""
        copied = self.home(name) / "data" / "sendook.db"
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, copied)
        return copied


@contextmanager
def open_workshop(told: Told, pairs: int) -> Iterator[Workshop]:
    """Make the directories of one row, and remove them after it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=CACHE, prefix="run-") as scratch, TemporaryDirectory() as sockets:
        yield Workshop(Path(scratch), Path(sockets), told, pairs)
