"""What seventy broken endpoints cost thirty healthy ones: the pace alone, and beside them.

Run with ``make isolation``. The installed program serves; a receiver in its own process counts.
Every event goes to all hundred webhooks. Alone, a tenth of the events is enough for a pace.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from tests.e2e.counting import Receiver
from tests.e2e.server import Server, push, resident_mib, wait_until
from tests.e2e.test_isolation import HangingEndpoint
from tests.e2e.test_many_endpoints import DEAD_DNS, HANGING, HEALTHY, REFUSING, closed_port

CHUNK = 500
PATIENCE = 1800
"""Seconds after which a phase is given up."""


@click.command
@click.option("--events", default=20_000, show_default=True, help="Events beside broken endpoints.")
def main(events: int) -> None:
    """Measure, and print both paces."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Receiver()) as receiver:
        # What fails is retried for minutes, so the broken ones stay busy to the end.
        server = Server(Path(folder) / "data", SENDOOK_LOG__LEVEL="error").start()
        for number in range(HEALTHY):
            server.webhook(f"{receiver.url}{number}", "message.sent")
        alone = deliver(server, receiver, max(1, events // 10))
        before = resident_mib(server.pid)
        with broken(server) as hanging:
            began = receiver.counted()["requests"]
            beside = deliver(server, receiver, events)
            after = resident_mib(server.pid)
            files = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
            asked = max(len(each.held) for each in hanging)
            sent = receiver.counted()["requests"] - began
            server.kill()
    click.echo(f"\nalone   {alone:8,.0f} deliveries/s")
    click.echo(f"beside  {beside:8,.0f} deliveries/s, {beside / alone:.0%} of it")
    click.echo(f"{sent:,} requests for {events * HEALTHY:,} deliveries to healthy webhooks")
    click.echo(f"resident {before:.0f} to {after:.0f} MiB, {files} open files")
    click.echo(f"no hanging endpoint was asked more than {asked} times in all that while")


def deliver(server: Server, receiver: Receiver, events: int) -> float:
    """Push events and wait until the healthy webhooks have them; returns deliveries a second."""
    began, before = time.monotonic(), receiver.counted()["requests"]
    wanted = events * HEALTHY
    for first in range(0, events, CHUNK):
        push(server, min(CHUNK, events - first))
        show(receiver.counted()["requests"] - before, wanted)

    def arrived() -> bool:
        time.sleep(0.2)
        so_far = receiver.counted()["requests"] - before
        show(so_far, wanted)
        return so_far >= wanted

    wait_until(arrived, PATIENCE)
    return wanted / (time.monotonic() - began)


def show(so_far: int, wanted: int) -> None:
    """Draw how far it has come."""
    bar = "#" * (40 * so_far // wanted)
    click.echo(f"\r[{bar:<40}] {so_far:,} of {wanted:,}", nl=False)


@contextlib.contextmanager
def broken(server: Server) -> Iterator[list[HangingEndpoint]]:
    """Have endpoints that hang, refuse or cannot be resolved."""
    hanging = [HangingEndpoint() for _ in range(HANGING)]
    for each in hanging:
        server.webhook(each.url, "message.sent")
    for _ in range(REFUSING):
        server.webhook(f"http://127.0.0.1:{closed_port()}/", "message.sent")
    for number in range(DEAD_DNS):
        server.webhook(f"http://nobody-{number}.invalid/", "message.sent")
    click.echo()
    yield hanging
    for each in hanging:
        each.close()


if __name__ == "__main__":
    main()
