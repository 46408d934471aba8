"""Backups as operators make them: under load, put back, and taken before the schema changes."""

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, wait_until
from tests.store.old_database import make_old_database


def checked(server: Server, file: Path) -> dict[str, int]:
    """Have the program judge a copy; returns how many rows each table has."""
    judged = server.run("check", str(file), "--json")
    assert judged.returncode == 0, judged.stdout
    facts = json.loads(judged.stdout)
    assert facts["sound"]
    return dict(facts["rows"])


def test_copies_made_under_load_are_sound_and_can_be_put_back(
    server: Server, endpoint: Endpoint, tmp_path: Path
) -> None:
    server.webhook(endpoint.url, "message.sent")
    pushing = threading.Thread(target=push, args=(server, 3000))
    pushing.start()
    counts = []
    for number in range(3):
        made = server.run("backup", str(tmp_path / f"{number}.db"), "--json")
        assert made.returncode == 0, made.stderr
        rows = checked(server, tmp_path / f"{number}.db")
        assert rows == json.loads(made.stdout)["rows"]
        counts.append(rows["events"])
    pushing.join()
    assert counts == sorted(counts)
    wait_until(lambda: len(endpoint.received) == 3000)
    running = server.run("restore", str(tmp_path / "0.db"))
    assert running.returncode == 1
    assert b"in use by another sendook-lite" in running.stderr
    assert server.stop() == 0

    done = server.run("restore", str(tmp_path / "0.db"))
    assert done.returncode == 0, done.stderr
    assert b"what was there is kept as" in done.stdout
    (replaced,) = server.data_dir.glob("replaced-*.db")
    assert checked(server, replaced)["events"] == 3000
    server.start()
    # What the copy holds as pending is sent again, with the ids it was sent with before.
    wait_until(lambda: not server.call("GET", "/v1/deliveries?status=pending"))
    assert len({one.headers["webhook-id"] for one in endpoint.received}) == 3000
    assert server.call("GET", "/v1/webhooks")[0]["url"] == endpoint.url


def test_a_damaged_database_is_told_by_check(server: Server) -> None:
    push(server, 200)
    assert server.stop() == 0
    assert server.run("check").returncode == 0
    with (server.data_dir / "sendook.db").open("r+b") as file:
        file.seek(4096 * 10)
        file.write(b"\xff" * 4096 * 10)
    judged = server.run("check")
    assert judged.returncode == 1
    assert b"is NOT sound" in judged.stdout


def test_an_old_database_is_copied_upgraded_and_what_it_owes_is_sent(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    make_old_database(tmp_path / "data" / "sendook.db", 1, endpoint.url)
    server = Server(tmp_path / "data", SENDOOK_BACKUP__DIR=str(copies)).start()
    wait_until(lambda: endpoint.received)
    assert [one.headers["webhook-id"] for one in endpoint.received] == ["evt_old1"]
    wait_until(lambda: len(list(copies.glob("*.db"))) == 2)
    assert server.call("GET", "/health")["backup"]["failure"] is None
    (before,) = copies.glob("*-schema-1.db")
    with closing(sqlite3.connect(before)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert server.stop() == 0


def test_a_schema_is_not_changed_when_it_cannot_be_copied_before(tmp_path: Path) -> None:
    make_old_database(tmp_path / "data" / "sendook.db", 1)
    server = Server(tmp_path / "data", SENDOOK_BACKUP__DIR=str(tmp_path / "missing"))
    refused = server.run("serve", "--dev")
    assert refused.returncode == 1
    assert b"(backup.dir) does not exist" in refused.stderr
    assert json.loads(server.run("check", "--json").stdout)["schema"] == 1


def test_a_follower_of_the_log_never_loses_a_frame(server: Server) -> None:
    """Litestream holds a read transaction, so that nobody begins the log anew before it has it."""

    def beginning_of_the_log() -> bytes:
        with (server.data_dir / "sendook.db-wal").open("rb") as log:
            return log.read(32)  # its header: two salts that change when it is begun anew

    push(server, 100)
    with closing(sqlite3.connect(server.data_dir / "sendook.db")) as follower:
        follower.execute("BEGIN")
        follower.execute("SELECT count(*) FROM events").fetchone()
        first = beginning_of_the_log()
        push(server, 3000)
        assert server.stop() == 0
        server.start()
        push(server, 100)
        assert beginning_of_the_log() == first
