"""The receivers verify what comes and handle each event once, whatever they are written in."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.e2e.server import Server, wait_until
from tests.examples.program import Program

RECEIVERS = (
    "aiohttp_receiver.py",
    "flask_receiver.py",
    "fastapi_receiver.py",
    "express_receiver.mjs",
)
SECRET = "whsec_" + "c2VuZG9vay1saXRlLWV4YW1wbGVzLXNlY3JldCE="


@pytest.mark.parametrize("name", RECEIVERS)
def test_a_receiver_verifies_and_handles_each_event_once(
    name: str, tmp_path: Path, server: Server
) -> None:
    server.inbox()
    with Program(f"receivers/{name}", tmp_path, server, WEBHOOK_SECRET=SECRET) as program:
        webhook = server.webhook(f"{program.url}/hook", "message.received", secret=SECRET)
        mail = b"From: a@example.org\nSubject: hello\n\nHello\n"
        server.run("ingest", "--recipient", "support@localhost.test", stdin=mail)
        wait_until(lambda: "message.received" in program.printed())
        (delivery,) = server.call("GET", "/v1/deliveries")
        server.call("POST", f"/v1/deliveries/{delivery['id']}/retry")
        attempts = f"/v1/webhooks/{webhook['id']}/attempts"
        wait_until(lambda: len(server.call("GET", attempts)) == 2)
        assert {each["status"] for each in server.call("GET", attempts)} == {204}
        assert program.printed().count("message.received") == 1
        forged = Request(
            f"{program.url}/hook",
            data=json.dumps({"event": "forged", "eventId": "evt_1"}).encode(),
            headers={
                "content-type": "application/json",
                "webhook-id": "evt_1",
                "webhook-timestamp": "1",
                "webhook-signature": "v1,AAAA",
            },
        )
        with pytest.raises(HTTPError) as refused, urlopen(forged, timeout=10):
            pass
        refused.value.close()
        assert refused.value.code == 401
        assert "forged" not in program.printed()
