"""The program in one file from end to end, where there is no PATH and no Python. `make smoke`.

What is the same in every form of the program is tested elsewhere. Here are the things that one file
can break: it unpacks itself and runs as a child, and nothing that is imported late may be missing.
"""

import json
import smtplib
from pathlib import Path
from urllib.request import Request, urlopen

import standardwebhooks

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, ONE_FILE, Server, wait_until

MAIL = b"From: a@example.org\nSubject: %s\n\nHello\n"


def page(server: Server, path: str) -> str:
    request = Request(server.url + path, headers={"Authorization": f"Bearer {KEY}"})
    with urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def test_a_mail_becomes_a_signed_webhook_also_after_a_kill(tmp_path: Path) -> None:
    assert ONE_FILE
    place = tmp_path / "unpacked"
    place.mkdir()
    server = Server(tmp_path / "data", TMPDIR=str(place)).start()
    assert server.environment["PATH"] == ""
    with Endpoint(lambda _: 503) as failing:
        server.inbox()
        webhook = server.webhook(failing.url, "message.received")
        with smtplib.LMTP(str(server.data_dir / "lmtp.sock")) as client:
            client.sendmail("a@example.org", ["support@localhost.test"], MAIL % b"over LMTP")
        wait_until(lambda: failing.received)
    serving = server.serving_pid
    assert serving != server.pid, "the one file runs as a child of its unpacker"
    server.kill()
    wait_until(lambda: not Path(f"/proc/{serving}").exists())

    place = tmp_path / "unpacked again"
    place.mkdir()
    server.environment["TMPDIR"] = str(place)
    server.start()
    assert list(place.iterdir())
    with Endpoint() as endpoint:
        server.call("PATCH", f"/v1/webhooks/{webhook['id']}", {"url": endpoint.url})
        done = server.run(
            "ingest", "--recipient", "support@localhost.test", stdin=MAIL % b"by ingest"
        )
        assert done.returncode == 0, done.stderr
        wait_until(lambda: len(endpoint.received) == 2)
        for one in endpoint.received:
            standardwebhooks.Webhook(webhook["secret"]).verify(one.body, one.headers)
        subjects = {one.event["payload"]["subject"] for one in endpoint.received}
        assert subjects == {"over LMTP", "by ingest"}
    assert server.stop() == 0, "a signal to the process that was started reaches the server"
    assert not list(place.iterdir())


def test_what_is_imported_late_is_there(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    assert "sendook_build_info" in page(server, "/metrics")
    assert "<form" in page(server, "/signin")
    assert '"openapi"' in page(server, "/openapi.json")
    looked = server.run("doctor", "--dev", "--json")
    assert not looked.stderr
    assert json.loads(looked.stdout)
    for arguments in (
        ["webhooks", "list"],
        ["domains", "dkim-keygen", "--out", "dkim.pem"],
        ["backup", "copy.db"],
    ):
        done = server.run(*arguments)
        assert done.returncode == 0, done.stderr
    assert server.stop() == 0
