"""``sendook-lite domains`` and the key for signing mail."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sendook_lite.domain.dkim import DkimSigner
from tests.cli.api_server import ApiServer, serving
from tests.cli.conftest import Command, Outcome


@pytest.fixture
def _api(here: Path) -> Iterator[ApiServer]:
    with serving(here / "sendook_data") as server:
        yield server


@pytest.mark.usefixtures("_api")
def test_a_domain_is_added_looked_at_and_deleted(command: Command) -> None:
    made = command("domains", "create", "New.Example")
    assert made.code == 0
    assert re.match(r"new\.example \(dom_\w+\) is not verified yet\n", made.out)
    assert "new.example. IN MX 10 mx.example.com." in made.out
    assert '_dmarc.new.example. IN TXT "v=DMARC1; p=none"' in made.out
    assert "SPF: pending, optional" in made.out
    (heading, row) = command("domains", "list").out.splitlines()
    assert heading.split() == ["ID", "NAME", "VERIFIED", "RECORDS", "CREATED"]
    assert row.split()[1:4] == ["new.example", "no", "mx:pending"]
    checked = command("domains", "verify", "new.example")
    assert checked.code == 1
    assert "MX: missing" in checked.out
    assert "to do  add the MX record 10 mx.example.com" in checked.out
    shown = command("domains", "show", "new.example", "--json")
    assert json.loads(shown.out)["records"][0]["status"] == "missing"
    zone = command("domains", "dns", "new.example")
    assert zone.out.splitlines()[0] == "new.example. IN MX 10 mx.example.com."
    gone = command("domains", "delete", "new.example", "--yes")
    assert gone.out.endswith("(new.example) is gone\n")
    absent = command("domains", "show", "new.example")
    assert (absent.code, absent.out) == (1, "")
    assert "Domain not found" in absent.err


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_is_made_for_its_owner_only_and_its_record_shown(
    command: Command, here: Path, kind: str
) -> None:
    made = command("domains", "dkim-keygen", "--out", "k.pem", "--type", kind, "--selector", "s1")
    assert made.code == 0
    key = here / "k.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    record = DkimSigner("s1", key.read_bytes()).record
    name, found = made.out.split(" IN TXT ")
    assert name == "s1._domainkey"
    strings = re.findall(r'"([^"]*)"', found)
    assert "".join(strings) == record
    assert all(len(each) <= 255 for each in strings)
    assert str(key) in made.err
    assert "PRIVATE" not in made.out + made.err
    before = key.read_bytes()
    again = command("domains", "dkim-keygen", "--out", "k.pem")
    assert again.code == 1
    assert "k.pem is there already" in again.err
    assert key.read_bytes() == before


def test_a_key_that_cannot_be_written_is_told(command: Command) -> None:
    told = command("domains", "dkim-keygen", "--out", "nowhere/k.pem")
    assert told.code == 1
    assert "cannot write nowhere/k.pem: No such file or directory" in told.err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot read dkim.pem: No such file or directory"),
        (b"nonsense", "dkim.pem: it holds no private key in PEM form"),
    ],
)
def test_a_server_does_not_start_with_a_bad_key(
    process: Callable[..., Outcome], here: Path, content: bytes | None, why: str
) -> None:
    if content is not None:
        (here / "dkim.pem").write_bytes(content)
    ended = process("serve", SENDOOK_DOMAINS__DKIM_KEY_FILE="dkim.pem")
    assert ended.code == 2
    assert f"sendook-lite: domains.dkim_key_file: {why}" in ended.err
    assert "Traceback" not in ended.err
    assert not (here / "sendook_data").exists()
