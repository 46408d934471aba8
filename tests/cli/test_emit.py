import json
import os
import pty
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.cli.pipeline import Line, LostError, Pipeline
from tests.cli.conftest import PYTHON, Command, Outcome
from tests.cli.responders import EventResponder

Events = Callable[..., EventResponder]


def lines_of(here: Path, *lines: str) -> Path:
    path = here / "lines.jsonl"
    path.write_text("\n".join(lines))
    return path


def refuse_bad(line: bytes) -> dict[str, Any]:
    if b"bad" in line:
        return {"ok": False, "code": "invalid_event", "error": "no such event"}
    return {"ok": True, "eventId": "evt_1"}


def test_all_lines_accepted_ends_with_0(command: Command, events: Events, here: Path) -> None:
    server = events()
    ended = command("emit", lines_of(here, '{"n":1}', "", "  ", '{"n":2}\r', '{"n":3}'))
    assert ended == Outcome(0, "3 sent, 3 accepted, 0 refused\n", "")
    assert server.lines == [b'{"n":1}\n', b'{"n":2}\n', b'{"n":3}\n']


def test_refused_lines_are_shown_with_number_and_reason_and_end_with_1(
    command: Command, events: Events, here: Path
) -> None:
    events(judge=refuse_bad)
    ended = command("emit", lines_of(here, '{"n":1}', "", '{"bad":2}', '{"n":3}'))
    assert ended.code == 1
    assert ended.out == "3 sent, 2 accepted, 1 refused\n"
    assert ended.err == 'line 3: invalid_event: no such event: {"bad":2}\n'


def test_answers_go_to_standard_output_and_the_summary_aside(
    command: Command, events: Events, here: Path
) -> None:
    events(judge=refuse_bad)
    ended = command("emit", "--answers", lines_of(here, '{"n":1}', '{"bad":2}'))
    assert [json.loads(line)["ok"] for line in ended.out.splitlines()] == [True, False]
    assert ended.err.endswith("2 sent, 1 accepted, 1 refused\n")


def test_many_lines_go_out_while_answers_come_in(
    command: Command, events: Events, here: Path
) -> None:
    # More than the window of unanswered lines and the buffers of the sockets hold.
    events(judge=lambda _: {"ok": True, "padding": "x" * 200})
    ended = command("emit", lines_of(here, *[json.dumps({"n": "y" * 200})] * 20_000))
    assert ended == Outcome(0, "20,000 sent, 20,000 accepted, 0 refused\n", "")


def test_a_line_of_many_megabytes_is_one_line(command: Command, events: Events, here: Path) -> None:
    server = events()
    long = json.dumps({"raw": "x" * 8_000_000})
    assert command("emit", lines_of(here, long, '{"n":2}')).code == 0
    assert [len(line) for line in server.lines] == [len(long) + 1, 8]


def test_nothing_to_send_is_no_failure(command: Command, events: Events, here: Path) -> None:
    events()
    assert command("emit", lines_of(here, "")).out == "0 sent, 0 accepted, 0 refused\n"


def test_a_lost_connection_ends_with_75_and_tells_where_to_go_on(
    command: Command, events: Events, here: Path
) -> None:
    events(judge=lambda line: None if b"3" in line else {"ok": True})
    ended = command("emit", lines_of(here, '{"n":1}', "", '{"n":2}', '{"n":3}', '{"n":4}'))
    assert ended.code == os.EX_TEMPFAIL
    assert ended.out == "4 sent, 2 accepted, 0 refused\n"
    assert ended.err.endswith("send again from line 4\n")


def test_a_server_that_does_not_answer_ends_with_75(
    command: Command, events: Events, here: Path
) -> None:
    release = threading.Event()
    events(judge=lambda _: release.wait(30) and None)
    ended = command("emit", lines_of(here, '{"n":1}'), "--timeout", "0.05")
    release.set()
    assert ended.code == os.EX_TEMPFAIL
    assert ended.err == "no answer for 0.05 s; send again from line 1\n"


@pytest.mark.parametrize("answer", [b"nonsense", b"[]", b"{}", b'{"ok":"true"}', b"\xff"])
def test_an_answer_that_is_none_counts_as_refused(
    command: Command, events: Events, here: Path, answer: bytes
) -> None:
    events(judge=lambda _: answer)
    ended = command("emit", lines_of(here, '{"n":1}'))
    assert (ended.code, ended.out) == (1, "1 sent, 0 accepted, 1 refused\n")


def test_refusals_cannot_steer_the_terminal(command: Command, events: Events, here: Path) -> None:
    events(judge=lambda _: {"ok": False, "code": "x", "error": "\x1b[2J"})
    assert "\x1b" not in command("emit", lines_of(here, '"\x1b[2J"')).err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["absent.jsonl"], os.EX_NOINPUT),
        (["lines.jsonl"], os.EX_TEMPFAIL),
        (["lines.jsonl", "--socket", "tcp:127.0.0.1:1"], os.EX_TEMPFAIL),
        (["lines.jsonl", "--socket", "tcp:x"], 2),
        (["lines.jsonl", "--config", "absent.toml"], 2),
        (["lines.jsonl", "more"], 2),
    ],
)
def test_what_cannot_begin_ends_with_its_own_code(
    command: Command, here: Path, arguments: list[str], code: int
) -> None:
    lines_of(here, '{"n":1}')
    ended = command("emit", *arguments)
    assert ended.code == code
    assert ended.err
    assert "Traceback" not in ended.err


def test_an_event_socket_that_is_off_says_so(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDOOK_INBOUND__EVENTS", "")
    ended = command("emit", lines_of(here, '{"n":1}'))
    assert "inbound.events is switched off" in ended.err


def test_standard_input_is_read_as_it_comes(
    process: Callable[..., Outcome], events: Events
) -> None:
    events()
    assert process("emit", stdin=b'{"n":1}\n{"n":2}\n').out == "2 sent, 2 accepted, 0 refused\n"


def test_a_lost_connection_is_noticed_while_the_input_says_nothing(
    events: Events, here: Path
) -> None:
    events(judge=lambda _: None)
    with subprocess.Popen(
        [*PYTHON, "emit"], cwd=here, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        running.stdin.write(b'{"n":1}\n')
        running.stdin.flush()  # and the pipe stays open
        assert running.wait(30) == os.EX_TEMPFAIL


def test_a_terminal_shows_progress(events: Events, here: Path) -> None:
    events()
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", 0) as screen:
        ended = subprocess.run(
            [*PYTHON, "emit", str(lines_of(here, '{"n":1}'))], cwd=here, stderr=theirs, check=False
        )
        os.close(theirs)
        assert b" sent" in screen.read(1000)
    assert ended.returncode == 0


# --- what needs the far end at one's own fingertips


def pipeline(here: Path, text: str) -> tuple[Pipeline, socket.socket, list[tuple[int, bytes]]]:
    taken: list[tuple[int, bytes]] = []
    near, far = socket.socketpair()
    source = lines_of(here, text).open("rb")

    def take(line: Line, answer: bytes) -> None:
        taken.append((line.number, answer))

    made = Pipeline(near, source.fileno(), take, timeout=5)
    made.owned = (near, source)  # type: ignore[attr-defined]  # closed with the test
    return made, far, taken


def finish(made: Pipeline, far: socket.socket) -> None:
    far.close()
    for each in made.owned:  # type: ignore[attr-defined]  # see above
        each.close()


def test_answers_said_before_hanging_up_are_counted(here: Path) -> None:
    made, far, taken = pipeline(here, "1\n2\n3\n")
    work = made.run()
    next(work)  # reads the lines
    far.sendall(b"first\nsecond\nthi")
    far.shutdown(socket.SHUT_WR)
    with pytest.raises(LostError, match="ended the connection") as lost:
        list(work)
    assert taken == [(1, b"first"), (2, b"second")]
    assert lost.value.resume_at == 3
    finish(made, far)


def test_a_connection_that_breaks_while_sending_still_yields_its_answers(here: Path) -> None:
    made, far, taken = pipeline(here, "1\n2\n")
    next(made.run())
    far.sendall(b"first\n")
    far.close()
    with pytest.raises(LostError, match="Broken pipe") as lost:
        made._send()
    assert taken == [(1, b"first")]
    assert lost.value.resume_at == 2
    finish(made, far)


def test_no_more_is_read_than_the_server_keeps_up_with(here: Path) -> None:
    made, far, _ = pipeline(here, "1\n" * 1_000_000)
    made._timeout = 0.05
    with pytest.raises(LostError, match="no answer"):
        list(made.run())
    assert made.sent <= 40_000  # the window, and the rest of the block it was filled by
    finish(made, far)


def test_a_full_or_silent_socket_is_no_loss(here: Path) -> None:
    made, far, taken = pipeline(here, "1\n")
    next(made.run())
    assert made._read_answers() is False
    made._unsent[0] = memoryview(b"x" * 10_000_000)
    made._send()
    made._send()
    assert taken == []
    finish(made, far)


def test_what_the_server_says_unasked_is_the_reason_it_ends(here: Path) -> None:
    made, far, taken = pipeline(here, "")
    far.sendall(b"going down\n")
    made._ended = False
    with pytest.raises(LostError, match="going down") as lost:
        made._read_answers()
    assert (taken, lost.value.resume_at) == ([], 1)
    finish(made, far)
