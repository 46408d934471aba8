"""Snippets are right: data parses, commands and settings exist, code runs."""

import base64
import json
import re
import shlex
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from sendook_lite.cli import root
from sendook_lite.domain.ed25519 import Ed25519Key, read_private_key
from sendook_lite.domain.signing import HmacKey, prepare_secret, secret_bytes, sign
from sendook_lite.settings import Settings
from tests.docs.pages import PAGES, ROOT, Block, blocks, prose
from tests.e2e.server import KEY, Server

COMMAND = re.compile(r"^(?:sudo -u \w+ )?(?:\.venv/bin/)?sendook-lite\s+(.*)$")
EXAMPLE = tomllib.loads((ROOT / "sendook.example.toml").read_text())


def named(block: Block) -> str:
    return f"{block.page}:{block.text[:30]!r}"


def commands() -> Iterator[tuple[str, str]]:
    """Every line that calls the program, in blocks of shell and in blocks of no language."""
    for block in blocks("sh", ""):
        for line in block.text.replace("\\\n", " ").splitlines():
            found = COMMAND.match(line.strip())
            if found:
                yield block.page, found[1]


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_every_command_is_one_that_the_program_knows(page: str, line: str) -> None:
    words = shlex.split(re.split(r" [<>|] ", line)[0], comments=True)
    command: click.Command | None = root
    context = click.Context(root, info_name="sendook-lite")
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
        assert command is not None, page
        if not isinstance(command, click.Group):
            try:
                command.make_context(name, words, parent=context)
            except click.BadParameter as error:
                assert "does not exist" in error.message, f"{page}: {line}"  # noqa: PT017 - a file of the reader's


@pytest.mark.parametrize("block", list(blocks("json", "toml", "yaml")), ids=named)
def test_data_parses(block: Block) -> None:
    text = re.sub(r"(?<=[{,])\s*…\s*(?=[},])", "", block.text)
    if block.language == "toml":
        Settings.model_validate(tomllib.loads(text))
    elif block.language == "yaml":
        assert yaml.safe_load(text)
    else:
        text = re.sub(r"\{[^{}\"]*…[^{}\"]*\}", "{}", text)
        for document in re.split(r"\n\n", text.strip()):
            json.loads(document)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_is_named_exists(page: Path) -> None:
    sections = "|".join(EXAMPLE)
    for section, key in re.findall(rf"`({sections})\.([a-z_]+)(?: = [^`]*)?`", prose(page)):
        if key in {"db", "sock", "created", "updated", "deleted", "toml"}:
            continue
        assert key in EXAMPLE[section], f"{section}.{key}"
    for section, key in re.findall(r"SENDOOK_([A-Z]+)__([A-Z_]+)", page.read_text()):
        assert key.lower() in EXAMPLE[section.lower()], f"SENDOOK_{section}__{key}"


@pytest.mark.parametrize("block", list(blocks("sh")), ids=named)
def test_shell_is_spelled_rightly(block: Block) -> None:
    text = block.text.replace("<this repository>", "repository")
    subprocess.run(["/bin/sh", "-n"], input=text.encode(), check=True)


def test_the_verifiers_of_the_page_on_webhooks_tell_right_from_wrong() -> None:
    body, now = b'{"event":"message.received"}', int(time.time())
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    pair = prepare_secret("ed25519", None, lambda count: b"p" * count)
    private = Ed25519Key(read_private_key(pair.value), None)
    content = f"evt_1.{now}.".encode() + body
    signatures = {
        "hmac": (secret, sign(secret_bytes(secret), "evt_1", now, body)),
        "ed25519": (pair.public_key, private.sign(content)),
    }
    assert HmacKey(secret_bytes(secret)).sign(content) == signatures["hmac"][1]
    ran = 0
    for block in blocks("python"):
        if block.page != "docs/webhooks.md":
            continue
        key, signature = signatures["ed25519" if "Ed25519" in block.text else "hmac"]
        headers = {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(now),
            "webhook-signature": f"v1,AAAA v1a,{'A' * 86}== {signature}",
        }
        for received, right in ((body, True), (body + b" ", False)):
            names: dict[str, Any] = {"request_body": received, "request_headers": headers}
            source = block.text.replace("whsec_…", secret)
            if "def verify" in source:
                source += f"\nverify({key!r}, request_headers, request_body)\n"
            code = compile(source, block.page, "exec")
            if right:
                exec(code, names)
            else:
                with pytest.raises(Exception, match=r"(?i)sign|match"):
                    exec(code, names)
            ran += 1
    assert ran >= 6


def test_the_requests_of_the_page_on_webhooks_are_answered(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    webhook = server.webhook("http://127.0.0.1:9/", "message.received")["id"]
    [script] = [block.text for block in blocks("sh") if block.page == "docs/webhooks.md"]
    script = script.replace("wh_…", webhook).replace("curl ", "curl -sSf ")
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        env={**server.environment, "URL": server.url, "KEY": KEY},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b'"matched"' in done.stdout
    assert server.stop() == 0


def test_the_backup_of_the_page_on_operations_is_made_checked_and_restored(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    inbox = server.inbox()["id"]
    backups = tmp_path / "backup"
    backups.mkdir()
    lines = [line for page, line in commands() if page == "docs/operations.md"]
    made = [line for line in lines if "/mnt/backup" in line and not line.startswith("restore")]
    assert len(made) == 3
    for line in made:
        words = shlex.split(line.replace("/mnt/backup", str(backups)), comments=True)
        done = server.run(*words)
        assert done.returncode == 0, done.stderr
    server.call("DELETE", f"/v1/inboxes/{inbox}")
    assert server.stop() == 0
    [restore] = [line for line in lines if line.startswith("restore /mnt")]
    [copy] = backups.glob("sendook-*.db")
    words = re.sub(r"/mnt/backup/\S+", str(copy), restore)
    assert server.run(*shlex.split(words)).returncode == 0
    server.start()
    assert server.call("GET", f"/v1/inboxes/{inbox}")["id"] == inbox
    assert server.stop() == 0
