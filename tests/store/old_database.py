"""A database as an earlier version of the program left it, with something in every first table."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sendook_lite.store.migrate import migrate, migrations

AT = 1_764_000_000_000
BODY = b'{"event":"message.received","eventId":"evt_old%d","payload":{"subject":"old"}}'

_ROWS = (
    "INSERT INTO meta (key, value) VALUES ('alive_at', :at)",
    ("INSERT INTO api_keys (id, name, prefix, hash, scopes, origin, created_at, updated_at)"
    " VALUES ('key_old', 'old', 'sk_', x'01', '[\"admin\"]', 'api', :at, :at)"),
    ("INSERT INTO inboxes (id, email, address, made_for_mail, created_at, updated_at)"
    " VALUES ('inb_old', 'Old@localhost.test', 'old@localhost.test', 0, :at, :at)"),
    "INSERT INTO blobs (seq, hash, size) VALUES (1, x'02', 5)",
    "INSERT INTO blob_chunks (blob_seq, number, data) VALUES (1, 0, x'0102030405')",
    ("INSERT INTO threads (id, inbox_seq, subject, created_at, updated_at)"
    " VALUES ('thr_old', 1, 'old', :at, :at)"),
    "INSERT INTO thread_references (inbox_seq, message_id, thread_seq) VALUES (1, 'a@b', 1)",
    ("INSERT INTO messages (id, inbox_seq, thread_seq, blob_seq, direction, status, content_size,"
    " created_at, updated_at, content)"
    " VALUES ('msg_old', 1, 1, 1, 'inbound', 'received', 2, :at, :at, '{}')"),
    ("INSERT INTO webhooks (id, url, events, status, created_at, updated_at)"
    " VALUES ('wh_old', :url, '[\"message.received\"]', 'enabled', :at, :at)"),
    "INSERT INTO webhook_secrets (webhook_seq, secret) VALUES (1, 'whsec_' || :secret)",
    ("INSERT INTO events (id, type, inbox_id, message_id, created_at, body)"
    " VALUES ('evt_old0', 'message.received', 'inb_old', 'msg_old', :at, :first),"
    " ('evt_old1', 'message.received', 'inb_old', 'msg_old', :at, :second)"),
    "INSERT INTO event_keys (key, answer, created_at) VALUES ('k', '{}', :at)",
    ("INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger, due_at, attempt_count,"
    " created_at, updated_at, completed_at)"
    " VALUES ('dlv_old0', 1, 1, 'delivered', 'scheduled', NULL, 1, :at, :at, :at),"
    " ('dlv_old1', 2, 1, 'pending', 'scheduled', :at, 0, :at, :at, NULL)"),
    ("INSERT INTO attempts (id, delivery_seq, webhook_seq, number, trigger, status, duration,"
    " created_at) VALUES ('atm_old', 1, 1, 1, 'scheduled', 200, 3, :at)"),
)  # fmt: skip


def make_old_database(path: Path, version: int, url: str = "http://127.0.0.1:9/") -> None:
    """Apply the first migrations, up to a version, and fill what they made.

    One delivery is done, one is pending: whoever opens the file owes ``evt_old1`` to the URL.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, [step for step in migrations() if step.version <= version])
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        values = {
            "at": AT,
            "url": url,
            "secret": "c2VjcmV0IG9mIGFuIGVhcmxpZXIgdmVyc2lvbi4uLg==",
            "first": BODY % 0,
            "second": BODY % 1,
        }
        connection.execute("BEGIN")
        for row in _ROWS:
            connection.execute(row, values)
        connection.execute("COMMIT")
