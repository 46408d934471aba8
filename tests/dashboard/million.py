"""Shows that pages answer from a million events as fast as from sixty, which fill a page.

Run it with ``make dashboard-million``; it fills a database in a temporary directory, asks each page
of a server on it and of one on a small database in turns, and prints the medians.
"""

import http.client
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from sendook_lite.domain.events import render_body
from tests.e2e.server import KEY, Server, wait_until

EVENTS = 1_000_000
FEW = 60
BATCH = 20_000
ROUNDS = 31
NOW = int(time.time() * 1000)
TYPES = ("message.received", "message.received", "message.sent", "message.delivered")


def identifier(kind: str, number: int) -> str:
    return f"{kind}_{number:026d}"


def fill(server: Server, hook: str, inbox: str, events: int) -> None:
    """Write events, deliveries and attempts over the last 30 days, past the program."""
    step = 30 * 24 * 3_600_000 // events
    connection = sqlite3.connect(server.data_dir / "sendook.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    (webhook_seq,) = connection.execute("SELECT seq FROM webhooks WHERE id = ?", (hook,)).fetchone()
    for first in range(1, events + 1, BATCH):
        numbers = range(first, min(first + BATCH, events + 1))
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO events (id, type, inbox_id, message_id, is_test, created_at, body)"
            " VALUES (?, ?, ?, ?, 0, ?, ?)",
            [
                (
                    identifier("evt", n),
                    TYPES[n % 4],
                    inbox,
                    identifier("msg", n),
                    NOW - (events - n) * step,
                    render_body(
                        TYPES[n % 4],
                        identifier("evt", n),
                        NOW - (events - n) * step,
                        {"subject": f"Number {n}", "from": "a@b.example", "to": ["c@d.example"]},
                        inbox_id=inbox,
                        message_id=identifier("msg", n),
                    ),
                )
                for n in numbers
            ],
        )
        connection.executemany(
            "INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger, attempt_count,"
            " tries, last_status, created_at, updated_at, completed_at)"
            " SELECT ?, seq, ?, 'delivered', 'scheduled', 1, 1, 200, ?, ?, ? FROM events"
            " WHERE id = ?",
            [
                (identifier("dlv", n), webhook_seq, NOW, NOW, NOW, identifier("evt", n))
                for n in numbers
            ],
        )
        connection.executemany(
            "INSERT INTO attempts (id, delivery_seq, webhook_seq, number, trigger, status,"
            " response, duration, created_at)"
            " SELECT ?, seq, ?, 1, 'scheduled', 200, 'ok', 7, ? FROM deliveries WHERE id = ?",
            [(identifier("atm", n), webhook_seq, NOW, identifier("dlv", n)) for n in numbers],
        )
        connection.execute("COMMIT")
        show(f"filling: {numbers[-1]:,} of {events:,}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def show(text: str) -> None:
    sys.stderr.write(f"\r{text:60}")
    sys.stderr.flush()


class Asker:
    """Somebody who is signed in, and who is on one connection."""

    def __init__(self, server: Server) -> None:
        self.connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", "/signin", urlencode({"key": KEY}), form)
        answer = self.connection.getresponse()
        answer.read()
        self.headers = {"Cookie": str(answer.headers["Set-Cookie"]).partition(";")[0]}

    def ask(self, path: str) -> float:
        """Return how many ms an answer takes, whole."""
        started = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
        return (time.perf_counter() - started) * 1000


def prepare(directory: Path) -> tuple[Server, str, str]:
    server = Server(directory / "data", SENDOOK_RETENTION__EVENTS="0").start()
    inbox = server.inbox()["id"]
    hook = server.webhook("http://127.0.0.1:9/", "message.rejected")["id"]
    return server, inbox, hook


def main() -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        (Path(one) / "a").mkdir()
        (Path(other) / "a").mkdir()
        empty, empty_inbox, empty_hook = prepare(Path(one) / "a")
        full, inbox, hook = prepare(Path(other) / "a")
        for server, of_webhook, of_inbox, events in (
            (empty, empty_hook, empty_inbox, FEW),
            (full, hook, inbox, EVENTS),
        ):
            server.stop()
            fill(server, of_webhook, of_inbox, events)
            server.start()

        def counted() -> bool:
            show("waiting until they are counted by the hour")
            connection = sqlite3.connect(full.data_dir / "sendook.db")
            (count,) = connection.execute("SELECT sum(count) FROM event_hours").fetchone()
            connection.close()
            return (count or 0) >= EVENTS

        wait_until(counted, 600)
        show("")
        askers = Asker(empty), Asker(full)
        empty_event = identifier("evt", FEW // 2)
        event = identifier("evt", EVENTS // 2)
        pages = {
            "overview": ("/", "/"),
            "webhooks": ("/webhooks", "/webhooks"),
            "a webhook": (f"/webhooks/{empty_hook}", f"/webhooks/{hook}"),
            "events": ("/events", "/events"),
            "events of a type": ("/events?type=message.bounced", "/events?type=message.bounced"),
            "events of an inbox": (f"/events?inbox={empty_inbox}", f"/events?inbox={inbox}"),
            "a search, found": ("/events?q=Number", "/events?q=Number"),
            "a search, not found": ("/events?q=absent", "/events?q=absent"),
            "an event": (f"/events/{empty_event}", f"/events/{event}"),
            "inboxes": ("/inboxes", "/inboxes"),
            "setup": ("/setup", "/setup"),
        }
        print(f"{'page':22}{FEW:>10}{EVENTS:>12,}   ms, median of {ROUNDS}, in turns")
        for name, paths in pages.items():
            taken: tuple[list[float], list[float]] = ([], [])
            for _ in range(ROUNDS):
                for asker, path, times in zip(askers, paths, taken, strict=True):
                    times.append(asker.ask(path))
            print(f"{name:22}{median(taken[0]):10.1f}{median(taken[1]):12.1f}")
        empty.stop()
        full.stop()


if __name__ == "__main__":
    main()
