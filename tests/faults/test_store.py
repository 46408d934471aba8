"""Whatever becomes of the disk and the file: nobody is told "stored" of what is not.

Every door answers "try again later" (451, ``ok: false``, 503), ``/readyz`` 503 with the reason, the
log has one line, and when the fault is gone so is its effect, without a restart.
"""

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import PROGRAM, Server, push, wait_until
from tests.faults.disks import IS_ROOT, filled, no_more_bytes, own_disk, small_disk
from tests.faults.doors import knock, ready

Fault = Callable[[Server], AbstractContextManager[None]]

OF_ANYBODY: dict[str, tuple[Fault, str]] = {
    "input/output errors": (no_more_bytes, "input/output error"),
}
OF_ROOT: dict[str, tuple[Fault, str]] = {
    "a full disk": (filled, "the disk is full"),
}
FAULTS = OF_ANYBODY | (OF_ROOT if IS_ROOT else {})
"""Only root can make a small file system; everybody else meets the same path by other errors."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with ExitStack() as stack:
        if IS_ROOT:
            stack.enter_context(small_disk(tmp_path / "data"))
        server = Server(
            tmp_path / "data",
            SENDOOK_SERVER__MIN_FREE_BYTES="0",
            SENDOOK_DELIVERY__RETRY_SCHEDULE="[0.5, 1, 2, 4]",
        ).start()
        server.inbox()
        yield server
        if server.process is not None:
            assert server.stop() == 0


@pytest.mark.parametrize("name", FAULTS)
def test_a_disk_that_fails_is_told_at_every_door_and_forgiven(server: Server, name: str) -> None:
    fault, reason = FAULTS[name]
    with Endpoint() as endpoint:
        server.webhook(endpoint.url, "message.received", "message.sent", "inbox.created")
        push(server, 200)
        with fault(server):
            wait_until(lambda: knock(server).all_refused)
            assert reason in ready(server)[1]
            wait_until(lambda: '"the store fails"' in server.log())
            refused = [knock(server) for _ in range(3)]
            assert all(each.all_refused for each in refused), refused
            assert server.process is not None
            assert server.process.poll() is None
        wait_until(lambda: ready(server)[0] == 200)
        assert knock(server).all_accepted
        wait_until(lambda: not server.call("GET", "/v1/deliveries?status=pending"))
        stored = {each["id"] for each in server.call("GET", "/v1/events?limit=500")}
        wait_until(lambda: {one.headers["webhook-id"] for one in endpoint.received} <= stored)
        wait_until(lambda: '"the store works again"' in server.log())
    told = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    assert sum(each["event"] == "the store fails" for each in told) == 1
    assert sum(each["event"] == "the store works again" for each in told) == 1
    assert server.stop() == 0
    assert server.run("check").returncode == 0


def test_a_disk_that_turns_read_only_is_told_and_has_all_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    with own_disk(tmp_path / "data") as disk, ExitStack() as stack:
        server = Server(tmp_path / "data").start()
        stack.callback(lambda: server.process and server.kill())
        server.inbox()
        push(server, 200)
        assert knock(server).all_accepted
        disk.turn_read_only()
        wait_until(lambda: knock(server).all_refused)
        assert "the disk reports an input/output error" in ready(server)[1]
        wait_until(lambda: '"the store fails"' in server.log())
        assert server.process is not None
        assert server.process.poll() is None
        assert server.stop() == 0
        # What nobody waited for was in memory only, and is gone with such a disk.
        disk.mend()
        server.start()
        events = server.call("GET", "/v1/events?limit=500")
        assert sum(each["event"] == "message.sent" for each in events) == 201
        assert sum(each["event"] == "message.received" for each in events) == 1
        assert knock(server).all_accepted
        assert server.stop() == 0
        assert server.run("check").returncode == 0


def test_a_database_that_another_program_locks_is_told_and_waited_for(server: Server) -> None:
    with closing(sqlite3.connect(server.data_dir / "sendook.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: ready(server)[0] == 503, seconds=40)
        assert "locked by another program" in ready(server)[1]
        assert knock(server).all_refused
        other.execute("ROLLBACK")
    wait_until(lambda: ready(server)[0] == 200)
    assert knock(server).all_accepted


def test_a_directory_that_cannot_be_written_ends_the_start_with_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    command = [PROGRAM, "serve", "--data-dir", str(closed / "data"), "--listen", "127.0.0.1:0"]
    if IS_ROOT:
        # Root may write everywhere, so somebody else has to try, who may not read this place.
        command = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot use the data directory" in done.stderr
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_page_is_told_and_a_copy_put_in_its_place_works(server: Server) -> None:
    assert knock(server).all_accepted
    copy = server.data_dir.parent / "copy.db"
    assert server.run("backup", str(copy)).returncode == 0
    assert server.stop() == 0
    with closing(sqlite3.connect(server.data_dir / "sendook.db")) as connection:
        pages = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name IN ('messages', 'events', 'inboxes')"
        ).fetchall()
    with (server.data_dir / "sendook.db").open("r+b") as file:
        for (page,) in pages:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
    server.start()
    wait_until(lambda: knock(server).all_refused)
    assert "damaged" in ready(server)[1]
    server.stop()
    assert server.run("check").returncode == 1
    assert server.run("restore", str(copy)).returncode == 0
    server.start()
    assert knock(server).all_accepted


def test_without_the_log_a_killed_server_starts_from_what_the_file_has(server: Server) -> None:
    push(server, 50)
    assert server.stop() == 0
    server.start()
    push(server, 20)
    server.kill()
    (server.data_dir / "sendook.db-wal").unlink()
    server.start()
    events = server.call("GET", "/v1/events?limit=500")
    assert len([each for each in events if each["event"] == "message.sent"]) >= 50
    assert knock(server).all_accepted
    assert server.run("check").returncode == 0


@pytest.mark.parametrize("name", ["sendook.db-wal", "sendook.db"])
def test_a_file_taken_away_from_a_running_server_ends_it_with_words(
    server: Server, name: str
) -> None:
    push(server, 50)
    kept = server.data_dir / f"{name}.kept"
    (server.data_dir / name).rename(kept)
    assert server.process is not None
    code = server.process.wait(30)
    server._reap()
    assert code == 1
    assert f"{name} was taken away" in server.log()
    if name == "sendook.db":
        kept.rename(server.data_dir / name)
    # Everything that was acknowledged had been written to what the process still held.
    server.start()
    events = server.call("GET", "/v1/events?limit=500")
    assert len([each for each in events if each["event"] == "message.sent"]) == 50
    assert server.run("check").returncode == 0


def test_a_writer_that_dies_ends_the_process_with_a_message(tmp_path: Path) -> None:
    points = str(Path(__file__).with_name("points"))
    server = Server(tmp_path / "data", PYTHONPATH=points).start()
    began = time.monotonic()
    body = {"name": "the last one", "email": "last@localhost.test"}
    with pytest.raises(OSError):  # noqa: PT011 - refused or cut off, whichever comes first
        server.call("POST", "/v1/inboxes", body)
    assert server.process is not None
    assert server.process.wait(30) == 1
    assert time.monotonic() - began < 30
    server._reap()
    assert "the database writer ended" in server.log()
    assert "Traceback" not in server.log()
