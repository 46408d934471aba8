"""What only the program in one file does: it unpacks itself and runs as a child. `make smoke`."""

from pathlib import Path

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import ONE_FILE, Server, wait_until


def test_it_is_the_one_file_that_is_tested() -> None:
    assert ONE_FILE
    assert Path(ONE_FILE).is_file()


def test_killing_the_process_that_was_started_leaves_no_server_behind(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    serving = server.serving_pid
    assert serving != server.pid
    server.kill()
    wait_until(lambda: not Path(f"/proc/{serving}").exists())
    server.start()
    assert server.stop() == 0


def test_a_signal_to_the_process_that_was_started_ends_the_server_in_order(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    with Endpoint() as endpoint:
        server.inbox()
        server.webhook(endpoint.url, "message.received")
        mail = b"From: a@example.org\nSubject: hello\n\nHello\n"
        done = server.run("ingest", "--recipient", "support@localhost.test", stdin=mail)
        assert done.returncode == 0
        wait_until(lambda: endpoint.received)
    assert server.stop() == 0


def test_it_unpacks_where_tmpdir_says_and_leaves_nothing_there(tmp_path: Path) -> None:
    place = tmp_path / "unpacked"
    place.mkdir()
    server = Server(tmp_path / "data", TMPDIR=str(place)).start()
    assert list(place.iterdir())
    assert server.stop() == 0
    assert not list(place.iterdir())
