"""The log of an eventful day: one line for what matters, with ids, and nothing that is private."""

import json
from pathlib import Path

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, Server, free_port, wait_until

BODY = "xylophone-marmalade-body"
PASSWORD = "hunter2-of-the-relay"
PATH_SECRET = "path-of-the-hook-is-private"


@pytest.mark.parametrize("level", ["info", "debug"])
def test_no_secret_and_no_mail_is_in_the_log(tmp_path: Path, level: str) -> None:
    server = Server(
        tmp_path / "data",
        SENDOOK_LOG__LEVEL=level,
        SENDOOK_RELAY__URL=f"smtp://user:{PASSWORD}@127.0.0.1:{free_port()}",
        SENDOOK_DELIVERY__RETRY_SCHEDULE="[0.1]",
    ).start()
    inbox = server.inbox()["id"]
    with Endpoint() as endpoint:
        good = server.webhook(f"{endpoint.url}{PATH_SECRET}", "message.received")
        bad = server.webhook(
            f"http://127.0.0.1:{free_port()}/{PATH_SECRET}", "message.received",
            headers={"X-Token": PASSWORD},
        )  # fmt: skip
        mail = f"From: ann@example.org\nSubject: {BODY}\n\n{BODY}\n".encode()
        assert (
            server.run("ingest", "--recipient", "support@localhost.test", stdin=mail).returncode
            == 0
        )
        server.run("ingest", "--recipient", "nobody@elsewhere.example", stdin=mail)
        server.call(
            "POST", f"/v1/inboxes/{inbox}/messages/send", {"to": "b@x.example", "text": BODY}
        )
        rotated = server.call("POST", f"/v1/webhooks/{good['id']}/secret/rotate", {})
        key = server.call("POST", "/v1/api_keys", {"name": "other"})["key"]
        server.error("GET", "/v1/inboxes", key="sk_wrong_key_of_a_stranger")
        server.error("POST", "/v1/inboxes", {"name": ""})
        with server.events_socket() as connection, connection.makefile("rwb") as events:
            for _ in range(3):
                events.write(f"{{{BODY}\n".encode())
            events.flush()
            assert b"invalid_json" in events.readline()
        wait_until(lambda: endpoint.received)
        wait_until(
            lambda: server.call("GET", f"/v1/deliveries?status=failed&webhookId={bad['id']}")
        )
        [failed] = server.call("GET", f"/v1/deliveries?status=failed&webhookId={bad['id']}")
    assert server.stop() == 0
    text = server.log()
    for private in (
        BODY, PASSWORD, KEY, key, good["secret"], bad["secret"], rotated["secret"],
        good["secret"].removeprefix("whsec_"), "sk_wrong_key_of_a_stranger", PATH_SECRET,
    ):  # fmt: skip
        assert private not in text, private
    lines = [json.loads(line) for line in text.splitlines()]
    assert "Traceback" not in text
    assert any(bad["id"] in json.dumps(line) for line in lines)
    assert failed["status"] == "failed"
    told = [line["event"] for line in lines]
    for once in (
        "started", "a mail was taken", "a recipient was refused", "a delivery failed",
        "an event line was refused", "more event lines were refused", "a request was refused",
        "stopping, what is under way is let finish", "stopped, everything is on disk",
    ):  # fmt: skip
        assert told.count(once) == 1, once
    by_words = {line["event"]: line for line in lines}
    assert by_words["a delivery failed"]["delivery"] == failed["id"]
    assert by_words["a mail was taken"]["event_id"] == failed["eventId"]
    refused = by_words["a request was refused"]
    assert (refused["status"], refused["reason"]) == (401, "Unknown API key")
    done = [line for line in lines if line["event"] == "a request was done"]
    # Two webhooks, an inbox, a mail, a secret, a key; reading and mistakes are not told.
    assert len(done) == 6
    assert all(line["key"].startswith("key_") and line["request_id"] for line in done)
