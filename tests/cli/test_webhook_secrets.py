"""Secrets on the command line: printed when they are asked for, alone, and never otherwise."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.api_server import ApiServer, serving
from tests.cli.conftest import Command

URL = "https://example.com/hook"
HMAC = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
PUBLIC = re.compile(r"whpk_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def api(here: Path) -> Iterator[ApiServer]:
    with serving(here / "sendook_data") as server:
        yield server


def made(command: Command, *options: str) -> tuple[str, str]:
    """Create a webhook; returns its id and what was printed of its secret."""
    done = command("webhooks", "create", URL, "--events", "message.received", *options)
    assert done.code == 0, done.err
    return done.err.split()[0], done.out.strip()


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize(("signing", "form"), [("hmac", HMAC), ("ed25519", PUBLIC)])
def test_a_secret_is_rotated_and_the_new_one_printed_alone(
    command: Command, signing: str, form: re.Pattern[str]
) -> None:
    identifier, first = made(command, "--signing", signing)
    assert form.fullmatch(first)
    rotated = command("webhooks", "rotate", identifier)
    assert rotated.code == 0
    assert form.fullmatch(rotated.out.strip())
    assert rotated.out.strip() != first
    assert re.fullmatch(r"an earlier one signs until \S+Z\n", rotated.err)
    assert command("webhooks", "secret", identifier) == rotated

    last = command("webhooks", "rotate", identifier, "--grace", 0, "--json")
    shown = json.loads(last.out)
    assert shown["previous"] == []
    assert form.fullmatch(shown.get("secret") or shown["publicKey"])


@pytest.mark.usefixtures("api")
def test_a_rotation_that_is_refused_says_why(command: Command) -> None:
    identifier, _ = made(command)
    assert command("webhooks", "rotate", identifier, "--grace", -1).code == 2
    too_long = command("webhooks", "rotate", identifier, "--grace", 10**9)
    assert (too_long.code, too_long.out) == (1, "")
    assert "graceSeconds" in too_long.err
    for _ in range(5):
        assert command("webhooks", "rotate", identifier).code == 0
    refused = command("webhooks", "rotate", identifier)
    assert (refused.code, refused.out) == (1, "")
    assert "5 earlier secrets are still valid" in refused.err


@pytest.mark.usefixtures("api")
def test_no_other_command_prints_a_secret(command: Command) -> None:
    identifier, first = made(command)
    second = command("webhooks", "rotate", identifier).out.strip()
    for words in (
        ["webhooks", "list"],
        ["webhooks", "show", identifier],
        ["webhooks", "update", identifier, "--description", "mine"],
        ["webhooks", "test", identifier],
        ["webhooks", "attempts", identifier],
        ["webhooks", "disable", identifier],
        ["webhooks", "enable", identifier],
        ["events", "list"],
        ["deliveries", "list"],
        ["status"],
        ["webhooks", "delete", identifier, "--yes"],
    ):
        for form in ([], ["--json"]):
            done = command(*words, *form)
            for secret in (first, second):
                assert secret.removeprefix("whsec_") not in done.out + done.err, words
        assert "whsec_" not in done.out + done.err, words
