"""What seventy broken endpoints cost thirty healthy ones.

Run with ``make isolation``. The installed program serves; a receiver in its own process counts.
Every event goes to all hundred webhooks. The pace is compared with that beside seventy webhooks of
which nothing is wrong but that they are parked: what is stored is the same in both.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import click

from tests.e2e.counting import Receiver
from tests.e2e.server import Server, push, resident_mib, wait_until
from tests.e2e.test_isolation import HangingEndpoint
from tests.e2e.test_many_endpoints import DEAD_DNS, HANGING, HEALTHY, REFUSING, closed_port

OTHERS = HANGING + REFUSING + DEAD_DNS
Others = Callable[[Server, Receiver], AbstractContextManager[None]]

CHUNK = 100
AHEAD = 200
"""Events that may be on their way to healthy webhooks when the next ones are pushed."""
PATIENCE = 1800
"""Seconds after which a phase is given up."""


@click.command
@click.option("--events", default=20_000, show_default=True, help="How many.")
def main(events: int) -> None:
    """Measure, and print both paces."""
    with contextlib.closing(Receiver()) as receiver:
        quiet = measure(receiver, events, parked)
        beside = measure(receiver, events, broken)
    click.echo(f"\nbeside {OTHERS} parked webhooks  {quiet}")
    click.echo(f"beside {OTHERS} broken webhooks  {beside}")


def measure(receiver: Receiver, events: int, others: Others) -> str:
    """Deliver events to healthy webhooks beside others; tells the pace and what it took."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", SENDOOK_LOG__LEVEL="error").start()
        for number in range(HEALTHY):
            server.webhook(f"{receiver.url}{number}", "message.sent")
        with others(server, receiver):
            pace = deliver(server, receiver, events)
            memory = resident_mib(server.pid)
            files = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
            server.kill()
    return f"{pace:6,.0f} deliveries/s, {memory:.0f} MiB, {files} open files"


def deliver(server: Server, receiver: Receiver, events: int) -> float:
    """Push events and wait until the healthy webhooks have them; returns deliveries a second."""
    began, before = time.monotonic(), receiver.counted()["requests"]

    def arrived(count: int) -> bool:
        so_far = receiver.counted()["requests"] - before
        show(so_far, events * HEALTHY)
        if so_far < count:
            time.sleep(0.1)
        return so_far >= count

    for first in range(0, events, CHUNK):
        # Not all at once: that would measure how fast events are taken in, which goes first.
        wait_until(lambda ahead=first - AHEAD: arrived(ahead * HEALTHY), PATIENCE)
        push(server, min(CHUNK, events - first))
    wanted = events * HEALTHY
    wait_until(lambda: arrived(wanted), PATIENCE)
    return wanted / (time.monotonic() - began)


def show(so_far: int, wanted: int) -> None:
    """Draw how far it has come."""
    bar = "#" * (40 * so_far // wanted)
    click.echo(f"\r[{bar:<40}] {so_far:,} of {wanted:,}", nl=False)


@contextlib.contextmanager
def parked(server: Server, receiver: Receiver) -> Iterator[None]:
    """Have as many webhooks that are hardly sent anything: the rows without the trouble."""
    for _ in range(OTHERS):
        server.webhook(f"{receiver.url}parked", "message.sent", rateLimit=0.001)
    yield


@contextlib.contextmanager
def broken(server: Server, _receiver: Receiver) -> Iterator[None]:
    """Have endpoints that hang, refuse or cannot be resolved."""
    hanging = [HangingEndpoint() for _ in range(HANGING)]
    for each in hanging:
        server.webhook(each.url, "message.sent")
    for _ in range(REFUSING):
        server.webhook(f"http://127.0.0.1:{closed_port()}/", "message.sent")
    for number in range(DEAD_DNS):
        server.webhook(f"http://nobody-{number}.invalid/", "message.sent")
    yield
    for each in hanging:
        each.close()


if __name__ == "__main__":
    main()
