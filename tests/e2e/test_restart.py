"""Whatever happens to the process, what was acknowledged is delivered."""

import sqlite3
import time
from pathlib import Path

from tests.e2e.endpoint import Endpoint, Received
from tests.e2e.server import Server, wait_until

SCHEDULE = [0.5, 1.0, 1.5]


def test_after_a_kill_between_two_attempts_the_rest_come_at_their_times(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", SENDOOK_DELIVERY__RETRY_SCHEDULE=str(SCHEDULE)).start()
    with Endpoint(lambda _: 503) as endpoint:
        server.inbox()
        webhook = server.webhook(endpoint.url, "message.received")
        mail = b"From: a@example.org\nSubject: keep me\n\nHello\n"
        server.run("ingest", "--recipient", "support@localhost.test", stdin=mail)
        wait_until(lambda: len(endpoint.received) == 2)
        wait_until(lambda: len(server.call("GET", f"/v1/webhooks/{webhook['id']}/attempts")) == 2)
        server.kill()
        server.start()
        wait_until(lambda: server.call("GET", "/v1/deliveries")[0]["status"] == "failed")
        # Whatever would be sent too much has the time of a whole schedule to come.
        time.sleep(sum(SCHEDULE))
        assert [one.attempt for one in endpoint.received] == [1, 2, 3, 4]
        assert len({one.headers["webhook-id"] for one in endpoint.received}) == 1
        assert len({one.body for one in endpoint.received}) == 1
        gaps = [
            after.at - before.at
            for before, after in zip(endpoint.received, endpoint.received[1:], strict=False)
        ]
        assert all(gap >= delay for gap, delay in zip(gaps, SCHEDULE, strict=True))
        (delivery,) = server.call("GET", "/v1/deliveries?status=failed")
        assert delivery["attemptCount"] == 4
        assert "dueAt" not in delivery
    assert server.stop() == 0


def test_a_mail_taken_just_before_a_kill_is_delivered_after_it(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    with Endpoint() as endpoint:
        server.inbox()
        server.webhook(endpoint.url, "message.received")
        mail = b"From: a@example.org\nSubject: number %d\n\nHello\n"
        for number in range(5):
            done = server.run(
                "ingest", "--recipient", "support@localhost.test", stdin=mail % number
            )
            assert done.returncode == 0, done.stderr
        server.kill()
        server.start()

        def subjects() -> set[str]:
            return {one.event["payload"]["subject"] for one in endpoint.received}

        wait_until(lambda: subjects() == {f"number {number}" for number in range(5)})
    assert server.stop() == 0


def test_a_request_in_flight_at_the_end_is_let_finish(tmp_path: Path) -> None:
    def answer(_: Received) -> int:
        time.sleep(0.5)
        return 200

    server = Server(tmp_path / "data").start()
    with Endpoint(answer) as endpoint:
        server.inbox()
        server.webhook(endpoint.url, "message.received")
        server.run("ingest", "--recipient", "support@localhost.test", stdin=b"Subject: x\n\nx\n")
        wait_until(lambda: endpoint.received)
        assert server.stop() == 0
        server.start()
        (delivery,) = server.call("GET", "/v1/deliveries")
        assert delivery["status"] == "delivered"
        assert len(endpoint.received) == 1
    assert server.stop() == 0


def test_a_second_process_on_the_same_directory_is_refused(server: Server) -> None:
    second = server.run("serve", "--dev", "--data-dir", str(server.data_dir))
    assert second.returncode == 1
    assert (
        f"in use by another sendook-lite (process {server.serving_pid})".encode() in second.stderr
    )


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    assert server.stop() == 0
    with sqlite3.connect(server.data_dir / "sendook.db") as connection:
        connection.execute("PRAGMA user_version = 4711")
    connection.close()
    refused = server.run("serve", "--data-dir", str(server.data_dir))
    assert refused.returncode == 1
    assert b"schema version 4711" in refused.stderr
