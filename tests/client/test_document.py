"""Every snippet of docs/client.md runs as it stands there."""

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.client import verify
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, Server, wait_until
from tests.metrics.page_lint import page

DOCUMENT = (Path(__file__).parents[2] / "docs/client.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


def feed(server: Server) -> None:
    """Give whoever follows the log something to read."""
    wait_until(lambda: page(server)["sendook_event_streams"].value() >= 1)
    server.run("ingest", "--recipient", "support@localhost.test",
               stdin=b"From: b@c.example\nSubject: Streamed\n\nHello")  # fmt: skip


def test_every_snippet_runs(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with Endpoint() as endpoint:
        names: dict[str, Any] = {}
        for snippet in SNIPPETS:
            source = (
                snippet.replace("http://127.0.0.1:8465", server.url)
                .replace("sk_…", KEY)
                .replace("http://127.0.0.1:8466/", endpoint.url)
            )
            feeder = None
            if ".stream(" in source:
                feeder = threading.Thread(target=feed, args=(server,))
                feeder.start()
            exec(compile(source, "docs/client.md", "exec"), names)
            if feeder is not None:
                feeder.join()
        printed = capsys.readouterr().out
        for expected in ("Hello", "sales", "Streamed", "inbox_not_found", "400 [('name'", "True"):
            assert expected in printed, expected
        [test, *_] = endpoint.received
        secret = server.call("GET", f"/v1/webhooks/{names['webhook']['id']}/secret")["secret"]
        assert names["handle"](secret, test.headers, test.body) == 204
        assert names["handle"](secret, test.headers, test.body + b" ") == 401
        assert verify(secret, test.headers, test.body)["eventId"]
