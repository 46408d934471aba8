"""B6 and B7: resident memory of a server that does nothing, with a large backlog and without."""

import time

from bench.backlog import open_backlog
from bench.pairs import Measured
from bench.processes import Yardstick, resident_megabytes
from bench.workshop import Workshop

SETTLE_SECONDS = 2.0


def with_backlog(workshop: Workshop) -> Measured:
    """Measure B6."""
    open_backlog(workshop, "full")
    return workshop.compare(lambda: _started(workshop, "full"), lambda: _started(workshop, "empty"))


def idle(workshop: Workshop) -> Measured:
    """Measure B7."""
    return workshop.compare(lambda: _started(workshop, "empty"), _imported)


def _started(workshop: Workshop, name: str) -> float:
    """Start a server, give it time to look around, and see what it takes."""
    with workshop.server(name) as server:
        time.sleep(SETTLE_SECONDS)
        return server.memory()


def _imported() -> float:
    with Yardstick("imports") as libraries:
        time.sleep(SETTLE_SECONDS)
        return resident_megabytes(libraries.pid)
