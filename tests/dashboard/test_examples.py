"""The examples of the reference, pasted: each works as it stands."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from sendook_lite.api.openapi import document
from sendook_lite.api.routes import ROUTES
from sendook_lite.dashboard import docs
from tests.dashboard.mail import push_mail
from tests.e2e.server import KEY, Server

MAKING = {"createInbox", "createWebhook", "createKey", "rotateSecret", "changeInbox"}
ENDLESS = {"streamEvents"}


def operations() -> list[dict[str, Any]]:
    prepared = docs.prepare(orjson.dumps(document(ROUTES, "http://server")))
    return [
        operation
        for group in prepared["groups"]
        for operation in group["operations"]
        if operation["operationId"] in MAKING
        or (operation["method"] == "GET" and operation["operationId"] not in ENDLESS)
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server that has one of everything, and the environment that the examples expect."""
    server = Server(tmp_path_factory.mktemp("examples") / "data").start()
    inbox = server.inbox()
    hook = server.webhook("http://127.0.0.1:9/", "message.received")
    push_mail(server, "Example")
    (message,) = server.call("GET", f"/v1/inboxes/{inbox['id']}/messages")
    (event,) = server.call("GET", "/v1/events?type=message.received")
    (delivery,) = server.call("GET", "/v1/deliveries")
    yield (
        server,
        {
            "PATH": os.environ["PATH"],
            "SENDOOK_API_KEY": KEY,
            "INBOX_ID": inbox["id"],
            "WEBHOOK_ID": hook["id"],
            "MESSAGE_ID": message["id"],
            "ATTACHMENT_ID": message["attachments"][0]["id"],
            "THREAD_ID": message["threadId"],
            "EVENT_ID": event["id"],
            "DELIVERY_ID": delivery["id"],
            "DOMAIN": server.call("POST", "/v1/domains", {"name": "mail.example.com"})["name"],
            "API_KEY_ID": server.call("GET", "/v1/api_keys")[0]["id"],
        },
    )
    assert server.stop() == 0


LANGUAGES = {
    "curl": (shutil.which("curl"), ["bash", "-c"]),
    "Python": (sys.executable, [sys.executable, "-c"]),
    "Node": (shutil.which("node"), ["node", "--input-type=module", "-e"]),
}


@pytest.mark.parametrize("language", [name for name, (found, _) in LANGUAGES.items() if found])
@pytest.mark.parametrize("operation", operations(), ids=lambda each: each["operationId"])
def test_an_example_works_when_it_is_pasted(
    place: tuple[Server, dict[str, str]], operation: dict[str, Any], language: str
) -> None:
    server, environment = place
    code = operation["snippets"][language].replace("http://server", server.url)
    done = subprocess.run(
        [*LANGUAGES[language][1], code.replace("curl ", "curl -sS --fail-with-body ", 1)],
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout!r}\n{done.stderr!r}"
    if language == "Node":  # where an error is an answer like any other
        assert b"  code: '" not in done.stdout, done.stdout
