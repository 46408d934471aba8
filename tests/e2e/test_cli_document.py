"""Every command in docs/cli.md works as it stands there, and none is missing."""

import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sendook_lite.cli import root
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import PROGRAM, Server, wait_until
from tests.metrics.page_lint import page

DOCUMENT = (Path(__file__).parents[2] / "docs/cli.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
ENDLESS = {"serve", "listen", "receive"}
"""Commands that go on until they are told to end."""


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return every command that does something, by its words."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, (*path, name))


def words(line: str) -> tuple[str, ...]:
    return tuple(shlex.split(line)[1:])


def test_every_command_has_an_example() -> None:
    shown = {words(line) for line in LINES}
    for path in leaves(root):
        assert any(line[: len(path)] == path for line in shown), " ".join(path)


def test_the_help_of_every_command_has_an_example_and_it_is_one_of_this_page() -> None:
    for path in leaves(root):
        command: click.Command | None = root
        for name in path:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), name)
        assert command is not None
        shown = (command.help or "") + (command.epilog or "")
        assert f"sendook-lite {' '.join(path)}" in shown, " ".join(path)
        example = (command.epilog or "").removeprefix("Example: ")
        assert not example or any(line.startswith(example) for line in LINES), example


class Ids:
    """What the ids in the document stand for: the newest there is of each kind."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def newest(self, kind: str) -> str:
        if kind == "msg":
            path = f"/v1/inboxes/{self.newest('inbox')}/messages"
        else:
            path = {
                "wh": "/v1/webhooks", "dlv": "/v1/deliveries", "key": "/v1/api_keys",
                "inbox": "/v1/inboxes", "evt": "/v1/events?limit=1",
            }[kind]  # fmt: skip
        found = self._server.call("GET", path)
        if kind == "inbox":
            found = [each for each in found if each["email"].startswith("support@")] or found
        return str(found[0]["id"])

    def put_into(self, line: str) -> list[str]:
        return [
            re.sub(r"^([a-z]+)_01J…$", lambda match: self.newest(match[1]), word)
            for word in words(line)
        ]


def suppress(server: Server, inbox: str, address: str) -> None:
    """Let a mail to an address bounce, so that it gets none any more; the mail is then removed."""
    messages = f"/v1/inboxes/{inbox}/messages"
    sent = server.call("POST", f"{messages}/send", {"to": address, "text": "x"})
    line = {"event": "message.bounced", "messageId": sent["id"], "recipient": address,
            "status": "5.1.1"}  # fmt: skip
    assert server.run("emit", stdin=json.dumps(line).encode()).returncode == 0
    server.call("DELETE", f"{messages}/{sent['id']}")


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[tuple[Server, Endpoint]]:
    """A server with an inbox, a mail and the files that the document speaks of."""
    server = Server(tmp_path / "data").start()
    with Endpoint() as endpoint:
        suppress(server, server.inbox()["id"], "gone@example.org")
        here = server.data_dir.parent
        (here / "mail.eml").write_bytes(b"From: Ann <a@b.example>\r\nSubject: Hi\r\n\r\nHello\r\n")
        line = {"event": "message.sent", "from": "a@b.example", "recipient": "c@d.example"}
        (here / "events.jsonl").write_text(json.dumps(line) + "\n")
        yield server, endpoint
    assert server.stop() == 0


def run_until_it_speaks(server: Server, arguments: list[str]) -> int:
    """Start a command that does not end, let it say something, end it with Ctrl-C."""
    environment = {**server.environment, "SENDOOK_SERVER__DATA_DIR": str(server.data_dir)}
    if arguments[0] == "serve":
        environment["SENDOOK_SERVER__DATA_DIR"] = str(server.data_dir.parent / "another")
    output = server.data_dir.parent / "output"
    with output.open("wb") as written:
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=server.data_dir.parent,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    if arguments[0] == "listen" and "--since" not in arguments:
        wait_until(lambda: page(server)["sendook_event_streams"].value() >= 1)
        server.run("ingest", "--recipient", "support@localhost.test",
                   stdin=b"From: b@c.example\n\n" + os.urandom(8).hex().encode())  # fmt: skip
    wait_until(lambda: output.stat().st_size > 0)
    process.send_signal(signal.SIGINT)
    return process.wait(30)


@pytest.mark.timeout(240)
def test_every_line_works_as_it_stands(prepared: tuple[Server, Endpoint]) -> None:
    server, endpoint = prepared
    ids = Ids(server)
    for line in LINES:
        arguments = [
            endpoint.url if word == "http://127.0.0.1:8466/" else word
            for word in ids.put_into(line)
        ]
        if arguments[0] in ENDLESS:
            assert run_until_it_speaks(server, arguments) == 0, line
            continue
        done = server.run(*arguments)
        found = arguments[0] == "doctor" and done.returncode == 1  # what it looks for
        assert done.returncode == 0 or found, f"{line}\n{done.stderr.decode()}"
        assert done.stdout or arguments[0] == "follow", line
        if "--json" in arguments:
            json.loads(done.stdout)
        if arguments[:2] == ["webhooks", "create"]:
            # Something to show: a mail that was delivered.
            server.run("ingest", "--recipient", "support@localhost.test",
                       stdin=b"From: b@c.example\nSubject: Two\n\nHello again\n")  # fmt: skip
            wait_until(lambda: endpoint.received)
