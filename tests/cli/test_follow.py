"""Following a log from standard input and from the journal, and what is said when it cannot be."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import PYTHON, Command, Outcome
from tests.cli.responders import EventResponder
from tests.e2e.server import wait_until

LOG = """\
Nov 25 10:00:00 mx postfix/qmgr[1]: 4XkQ2: from=<ann@a.example>, size=1, nrcpt=1 (queue active)
Nov 25 10:00:01 mx postfix/smtp[2]: 4XkQ2: to=<zoe@c.example>, relay=mx.c[192.0.2.1]:25, delay=1,\
 dsn=2.0.0, status=sent (250 ok)
Nov 25 10:00:02 mx postfix/smtp[2]: 4XkQ2: to=<max@c.example>, relay=mx.c[192.0.2.1]:25, delay=1,\
 dsn=5.1.1, status=bounced (550 no)
"""

JOURNALCTL = """\
#!/usr/bin/env python3
import sys, time
from pathlib import Path
here = Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
entries = (here / "entries").read_text().splitlines(keepends=True)
for option in sys.argv:
    if option.startswith("--after-cursor="):
        known = [number for number, entry in enumerate(entries) if option[15:] in entry]
        entries = entries[known[-1] + 1 :]
if "--lines=1" in sys.argv:
    entries = entries[-1:]
sys.stdout.writelines(entries)
sys.stdout.flush()
if "--follow" in sys.argv:
    time.sleep(60)
"""


def entry(number: int, tag: str, text: str) -> str:
    fields = {
        "__CURSOR": f"s=9;i={number};",
        "__REALTIME_TIMESTAMP": f"{1_764_082_416_000_000 + number}",
        "PRIORITY": "6",
        "SYSLOG_FACILITY": "2",
        "SYSLOG_IDENTIFIER": tag,
        "MESSAGE": text,
    }
    return json.dumps(fields) + "\n"


def delivery(number: int, recipient: str) -> str:
    text = (
        f"4XkQ2: to=<{recipient}>, relay=mx.c[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (ok)"
    )
    return entry(number, "postfix/smtp", text)


def told(responder: EventResponder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in responder.lines]


def test_standard_input_is_read_to_its_end(
    process: Callable[..., Outcome], events: Callable[..., EventResponder]
) -> None:
    responder = events()
    done = process("follow", "postfix", "-", stdin=LOG.encode().rstrip(b"\n"))
    assert done.code == 0, done.err
    assert [(line["event"], line["recipient"]) for line in told(responder)] == [
        ("message.delivered", "zoe@c.example"),
        ("message.bounced", "max@c.example"),
    ]
    assert "2 events told" in done.err


def test_refused_lines_are_shown_and_unknown_mail_is_counted(
    process: Callable[..., Outcome], events: Callable[..., EventResponder]
) -> None:
    codes = {b"zoe": "message_not_found", b"max": "invalid_field"}

    def judge(line: bytes) -> dict[str, Any]:
        code = next(code for name, code in codes.items() if name in line)
        return {"ok": False, "code": code, "error": "line 1: no"}

    events(judge=judge)
    done = process("follow", "postfix", "-", stdin=LOG.encode())
    assert done.code == 0
    assert "0 events told, 1 of mail that is not known here, 1 refused" in done.err
    assert "refused: invalid_field" in done.err


@pytest.mark.parametrize(
    "trouble", [{"ok": False, "code": "store_unavailable", "error": "line 1: locked"}, None]
)
def test_lines_are_sent_again_until_the_server_has_stored_them(
    process: Callable[..., Outcome],
    events: Callable[..., EventResponder],
    trouble: dict[str, Any] | None,
) -> None:
    answers = iter([{"ok": True}, trouble])
    responder = events(judge=lambda _: next(answers, {"ok": True}))
    done = process("follow", "postfix", "-", stdin=LOG.encode())
    assert done.code == 0
    assert "2 events told" in done.err
    assert "trying again" in done.err
    recipients = [line["recipient"][:3] for line in told(responder)]
    assert recipients == ["zoe", "max", "zoe", "max"]


def test_the_journal_is_followed_from_the_last_entry_and_later_from_where_it_was(
    here: Path, events: Callable[..., EventResponder]
) -> None:
    responder = events()
    programs = here / "programs"
    programs.mkdir()
    (programs / "journalctl").write_text(JOURNALCTL)
    (programs / "journalctl").chmod(0o755)
    before = [entry(1, "postfix/qmgr", "4XkQ2: from=<ann@a.example>, size=1, nrcpt=1")]
    new = [*before, entry(2, "postfix/qmgr", "4XkQ2: from=<ann@a.example>, size=1, nrcpt=1")]
    (programs / "entries").write_text("".join(before))
    with following(here, programs) as process:
        wait_until((here / "place").exists)
        stop(process)
    (programs / "entries").write_text("".join([*new, delivery(3, "zoe@c.example")]))
    with following(here, programs) as process:
        wait_until(lambda: responder.lines)
        wait_until(lambda: "i=3;" in (here / "place").read_text())
        stop(process)
    (programs / "entries").write_text("".join([*new, *map(delivery, (3, 4), "ab")]))
    with following(here, programs) as process:
        wait_until(lambda: len(responder.lines) > 1)
        stop(process)
    assert [line["recipient"] for line in told(responder)] == ["zoe@c.example", "b"]
    assert told(responder)[0]["at"] == "2025-11-25T14:53:36.000Z"
    calls = (programs / "calls").read_text().splitlines()
    assert all("SYSLOG_FACILITY=2" in call and "--output=json" in call for call in calls)
    assert "--lines=1" in calls[0]
    assert all("--after-cursor=s=9;i=1;" in call for call in calls[1:-1])
    assert "--after-cursor=s=9;i=3;" in calls[-1]


def following(here: Path, programs: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PYTHON, "follow", "postfix", "--journal", "--state", str(here / "place")],
        cwd=here,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        stderr=subprocess.DEVNULL,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_without_journalctl_it_says_what_else_there_is(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    done = command("follow", "postfix", "--journal")
    assert done.code == 1
    assert "name a log with --file" in done.err


def test_a_place_that_cannot_be_read_is_for_a_person_to_decide(
    command: Command, here: Path
) -> None:
    (here / "place").write_text("{")
    done = command("follow", "postfix", "--file", "mail.log", "--state", "place")
    assert done.code == 1
    assert "remove the file to begin at the end of the log" in done.err


def test_a_place_that_cannot_be_saved_ends_it(command: Command) -> None:
    done = command("follow", "postfix", "--file", "mail.log", "--state", "/nonexistent/place")
    assert done.code == 1
    assert "name another file with --state" in done.err


def test_only_one_source_can_be_followed(command: Command) -> None:
    assert command("follow", "postfix", "--journal", "-").code == 2
