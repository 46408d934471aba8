"""A server that has seen a million events and owes a million deliveries, none of them due soon."""

import sqlite3
import time
from pathlib import Path

from bench.prebuilt import prebuilt
from bench.server import Server
from bench.workshop import Workshop

EVENTS = 1_000_000
WEBHOOKS = 10
"""That wait for later; one more has got everything."""

HISTORY_EVENT = "message.bounced"
LATER_EVENT = "message.complained"
NOWHERE = "http://127.0.0.1:9/"

_DAY_MS = 24 * 3600 * 1000
_HISTORY_DAYS = 10
_LATER_DAYS = 3650


def open_backlog(workshop: Workshop, name: str) -> None:
    """Give the server of this name the backlog."""
    workshop.copy(prebuilt("backlog", Path(__file__), _prepare, _fill), name)


def _prepare(server: Server) -> None:
    for _ in range(WEBHOOKS):
        server.add_webhook(NOWHERE, LATER_EVENT)
    server.add_webhook(NOWHERE, HISTORY_EVENT)


def _fill(connection: sqlite3.Connection) -> None:
    """Add the events, for each a delivery that was made and one that waits, and the attempts."""
    now = int(time.time() * 1000)
    values = {
        "count": EVENTS,
        "first": now - _HISTORY_DAYS * _DAY_MS,
        "step": _HISTORY_DAYS * _DAY_MS / EVENTS,
        "later": now + _LATER_DAYS * _DAY_MS,
        "event": HISTORY_EVENT,
        "webhooks": WEBHOOKS,
        "text": "x" * 700,
    }
    for statement in _STATEMENTS:
        connection.execute(statement, values)


_NUMBERS = (
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
)
_AT = "CAST(:first + n * :step AS INTEGER)"

_STATEMENTS = (
    (
        f"{_NUMBERS} INSERT INTO events (id, type, is_test, created_at, body)"
        f" SELECT printf('evt_%026d', n), :event, 0, {_AT}, CAST(printf("
        """'{"event":"%s","eventId":"evt_%026d","createdAt":"2026-01-01T00:00:00.000Z","payload":"""
        """{"from":"a@sender.example","to":["b@recipient.example"],"delivery":{"diagnostic":"%s"}}}',"""
        " :event, n, :text) AS BLOB) FROM numbers"
    ),
    (
        f"{_NUMBERS} INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger,"
        " attempt_count, tries, last_status, created_at, updated_at, completed_at)"
        " SELECT printf('dlv_%026d', n), n, :webhooks + 1, 'delivered', 'scheduled', 1, 1, 200,"
        f" {_AT}, {_AT}, {_AT} FROM numbers"
    ),
    (
        f"{_NUMBERS} INSERT INTO attempts (id, delivery_seq, webhook_seq, number, trigger, status,"
        " response, duration, created_at) SELECT printf('atm_%026d', n), n, :webhooks + 1, 1,"
        f" 'scheduled', 200, '', 3, {_AT} FROM numbers"
    ),
    (
        f"{_NUMBERS} INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger,"
        " attempt_count, tries, due_at, delay, created_at, updated_at)"
        " SELECT printf('dlv_%026d', :count + n), n, 1 + n % :webhooks, 'pending', 'scheduled', 1,"
        f" 1, :later + n, 5000, {_AT}, {_AT} FROM numbers"
    ),
)
