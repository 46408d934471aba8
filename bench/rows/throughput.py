"""B1, B2, B4 and B5: deliveries per second; alone, fanned out, in bad company, with a history."""

import socket
from contextlib import closing

from bench.backlog import open_backlog
from bench.deliveries import Deliveries
from bench.event_feeder import EventFeeder, event_line
from bench.pairs import SECONDS, Measured
from bench.processes import Yardstick
from bench.server import Server
from bench.workshop import Workshop

IN_FLIGHT_PER_WEBHOOK = 32
IN_FLIGHT = 256
"""The product's defaults."""

FAN_OUT = 10
BROKEN = 50
WAITING_EACH = 1000
BROKEN_EVENT = "message.bounced"


def one_webhook(workshop: Workshop) -> Measured:
    """Measure B1."""
    return _against_client(workshop, 1, IN_FLIGHT_PER_WEBHOOK)


def ten_webhooks(workshop: Workshop) -> Measured:
    """Measure B2."""
    return _against_client(workshop, FAN_OUT, min(FAN_OUT * IN_FLIGHT_PER_WEBHOOK, IN_FLIGHT))


def _against_client(workshop: Workshop, webhooks: int, in_flight: int) -> Measured:
    """Measure deliveries against a client that POSTs the same body, as many in flight."""
    with workshop.receiver() as receiver, workshop.server() as server:
        ours = Deliveries(server, receiver, webhooks=webhooks)
        body = workshop.scratch / "body"
        body.write_bytes(server.last_body())
        with closing(ours), Yardstick("post_loop", receiver.url, body, in_flight) as client:
            client.go("1")
            costs: list[float] = []

            def post() -> float:
                done = client.go(str(SECONDS))
                costs.append(done["cpu"])
                return float(done["rate"])

            measured = workshop.compare(ours.rate, post)
            measured.remarks.extend(ours.remarks(in_flight))
            measured.remarks.append(f"client {min(costs) * 1e6:.0f} us CPU a request")
            _check_all_recorded(server)
            return measured


def _check_all_recorded(server: Server) -> None:
    """See that nothing of what was measured is missing."""
    pending = server.count("SELECT count(*) FROM deliveries WHERE status <> 'delivered'")
    attempts = server.count("SELECT count(*) FROM attempts WHERE status = 200")
    deliveries = server.count("SELECT count(*) FROM deliveries")
    if pending or attempts != deliveries:
        raise RuntimeError(f"of {deliveries} deliveries {attempts} were recorded as made")


def beside_broken(workshop: Workshop) -> Measured:
    """Measure B4."""
    with (
        workshop.receiver("beside") as beside,
        workshop.receiver("alone") as alone,
        workshop.server("broken") as broken,
        workshop.server("healthy") as healthy,
    ):
        for _ in range(BROKEN):
            broken.add_webhook(f"{beside.url}hang", BROKEN_EVENT)
            broken.add_webhook(f"http://127.0.0.1:{_closed_port()}/", BROKEN_EVENT)
        with closing(EventFeeder(broken.events)) as feeder:
            feeder.push(event_line(BROKEN_EVENT), WAITING_EACH)
        ours = Deliveries(broken, beside, besides=2 * BROKEN)
        other = Deliveries(healthy, alone)
        with closing(ours), closing(other):
            measured = workshop.compare(ours.rate, other.rate)
        waiting = broken.count("SELECT count(*) FROM deliveries WHERE status = 'pending'")
        measured.remarks.extend(ours.remarks(IN_FLIGHT_PER_WEBHOOK))
        measured.remarks.append(f"{waiting:,} deliveries to broken endpoints still wait")
        return measured


def _closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def with_history(workshop: Workshop) -> Measured:
    """Measure B5."""
    open_backlog(workshop, "full")
    with (
        workshop.receiver("full") as receiver,
        workshop.receiver("empty") as receiver_of_empty,
        workshop.server("full") as full,
        workshop.server("empty") as empty,
    ):
        ours, other = Deliveries(full, receiver), Deliveries(empty, receiver_of_empty)
        with closing(ours), closing(other):
            measured = workshop.compare(ours.rate, other.rate)
        size = full.database.stat().st_size / 1e9
        measured.remarks.extend(ours.remarks(IN_FLIGHT_PER_WEBHOOK))
        measured.remarks.append(f"database of {size:.1f} GB; {full.memory():.0f} MB after the load")
        return measured
