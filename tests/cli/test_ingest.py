import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.cli import ingest as module
from tests.cli.conftest import Command, Outcome
from tests.cli.responders import HANG_UP, OK, SILENCE, LmtpResponder

A, B, C = "a@localhost.test", "b@localhost.test", "c@localhost.test"
UNKNOWN = "550 5.1.1 no inbox has the address"
LATER = "451 4.3.0 try again later"
REFUSED = "552 5.3.4 too large"

Lmtp = Callable[..., LmtpResponder]


@pytest.fixture
def mail(here: Path) -> Path:
    path = here / "mail.eml"
    path.write_bytes(b"From x@y Mon Jan  1\nReturn-Path: <ann@far.example>\nSubject: hi\n\n.dot\n")
    return path


def options(*recipients: str) -> list[str]:
    return [word for each in recipients for word in ("--recipient", each)]


def test_a_mail_is_handed_in_as_lmtp_wants_it(command: Command, lmtp: Lmtp, mail: Path) -> None:
    server = lmtp(contents=("250 2.0.0 msg_1", "250 2.0.0 msg_2"))
    ended = command("ingest", mail, *options(A, B))
    assert ended == Outcome(0, f"{A}: 250 2.0.0 msg_1\n{B}: 250 2.0.0 msg_2\n", "")
    assert server.commands[:5] == [
        "LHLO localhost",
        f"MAIL FROM:<ann@far.example> BODY=8BITMIME SIZE={mail.stat().st_size}",
        f"RCPT TO:<{A}>",
        f"RCPT TO:<{B}>",
        "DATA",
    ]
    assert server.content == (
        b"Return-Path: <ann@far.example>\r\nSubject: hi\r\n\r\n..dot\r\n.\r\n"
    )


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({}, 0),
        ({"recipients": {A: UNKNOWN}}, os.EX_NOUSER),
        ({"recipients": {A: UNKNOWN, B: UNKNOWN}}, os.EX_NOUSER),
        ({"recipients": {A: LATER}}, os.EX_TEMPFAIL),
        ({"recipients": {A: UNKNOWN, B: LATER}}, os.EX_TEMPFAIL),
        ({"recipients": {A: UNKNOWN}, "contents": (REFUSED,)}, os.EX_DATAERR),
        ({"contents": (OK, REFUSED)}, os.EX_DATAERR),
        ({"contents": (LATER, REFUSED)}, os.EX_TEMPFAIL),
        ({"contents": (OK, LATER)}, os.EX_TEMPFAIL),
        ({"contents": (OK, HANG_UP)}, os.EX_TEMPFAIL),
        ({"sender": REFUSED}, os.EX_DATAERR),
        ({"sender": LATER}, os.EX_TEMPFAIL),
        ({"data": "554 5.5.1 no"}, os.EX_DATAERR),
        ({"greeting": "554 closed"}, os.EX_TEMPFAIL),
        ({"greeting": HANG_UP}, os.EX_TEMPFAIL),
        ({"greeting": "HTTP/1.1 400 Bad Request"}, os.EX_TEMPFAIL),
        ({"greeting": "220-" + "\r\n220-" * 1000}, os.EX_TEMPFAIL),
        ({"lhlo": "500 5.5.1 what?"}, os.EX_TEMPFAIL),
        ({"data": HANG_UP}, os.EX_TEMPFAIL),
    ],
)
def test_the_exit_code_says_whether_to_try_again(
    command: Command, lmtp: Lmtp, mail: Path, script: dict[str, Any], code: int
) -> None:
    lmtp(**script)
    ended = command("ingest", mail, *options(A, B))
    assert ended.code == code
    assert [line.partition(":")[0] for line in ended.out.splitlines()] == [A, B]
    assert ended.err == ""


def test_every_recipient_has_its_own_reply(command: Command, lmtp: Lmtp, mail: Path) -> None:
    lmtp(recipients={B: UNKNOWN}, contents=(OK, LATER))
    ended = command("ingest", mail, *options(A, B, C))
    assert ended.out == f"{A}: {OK}\n{B}: {UNKNOWN}\n{C}: {LATER}\n"
    assert ended.code == os.EX_TEMPFAIL


def test_quiet_prints_only_what_went_wrong(command: Command, lmtp: Lmtp, mail: Path) -> None:
    lmtp(recipients={B: UNKNOWN})
    assert command("ingest", "-q", mail, *options(A)).out == ""
    assert command("ingest", "-q", mail, *options(A, B)).out == f"{B}: {UNKNOWN}\n"


def test_a_recipient_named_twice_is_asked_for_once(
    command: Command, lmtp: Lmtp, mail: Path
) -> None:
    server = lmtp()
    assert command("ingest", mail, *options(A, A)).out == f"{A}: {OK}\n"
    assert server.commands.count(f"RCPT TO:<{A}>") == 1


def test_a_server_that_does_not_answer_in_time_means_try_again(
    command: Command, lmtp: Lmtp, mail: Path
) -> None:
    server = lmtp(contents=(SILENCE,))
    ended = command("ingest", mail, *options(A), "--timeout", "0.05")
    server.release.set()
    assert ended.code == os.EX_TEMPFAIL
    assert "no answer in time" in ended.out


def test_a_server_that_hangs_up_on_a_long_mail_is_still_heard(
    command: Command, here: Path, mail: Path
) -> None:
    mail.write_bytes(b"Subject: x\r\n\r\n" + b"line\r\n" * 500_000)

    def refuse_early(connection: socket.socket) -> None:
        replies = iter(["250 hello", "250 ok", "250 ok", "354 go ahead"])
        connection.sendall(b"220 here\r\n")
        with connection.makefile("rb") as lines:
            for reply in replies:
                lines.readline()
                connection.sendall(f"{reply}\r\n".encode())
        connection.sendall(b"552 5.3.4 too large\r\n")
        connection.shutdown(socket.SHUT_RD)

    from tests.cli.responders import listening  # noqa: PLC0415 - beside its only use

    with listening(here / "own.sock", refuse_early):
        ended = command("ingest", mail, *options(A), "--socket", "own.sock")
    assert ended.out == f"{A}: 552 5.3.4 too large\n"
    assert ended.code == os.EX_DATAERR


@pytest.mark.parametrize(
    "case",
    [
        (["--sender", "s@x.example"], "e@x.example", "<r@x.example>", "s@x.example"),
        (["--sender", "<s@x.example>"], None, None, "s@x.example"),
        (["--sender", ""], "e@x.example", "<r@x.example>", ""),
        ([], "e@x.example", "<r@x.example>", "r@x.example"),
        ([], "e@x.example", "<>", ""),
        ([], "e@x.example", None, "e@x.example"),
        ([], "MAILER-DAEMON", None, ""),
        (["--sender", '"s s"@x.example'], None, None, '"s s"@x.example'),
        ([], None, None, ""),
    ],
)
def test_the_sender_is_the_one_given_else_the_return_path_else_the_environments(
    command: Command,
    lmtp: Lmtp,
    mail: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[list[str], str | None, str | None, str],
) -> None:
    given, environment, header, sender = case
    server = lmtp()
    mail.write_text(f"Return-Path: {header}\n\n" if header else "Subject: x\n\n")
    if environment:
        monkeypatch.setenv("SENDER", environment)
    assert command("ingest", mail, *options(A), *given).code == 0
    assert server.commands[1].startswith(f"MAIL FROM:<{sender}>")


def test_addresses_beyond_ascii_need_smtputf8(command: Command, lmtp: Lmtp, mail: Path) -> None:
    server = lmtp()
    assert command("ingest", mail, *options("zoë@localhost.test")).code == 0
    assert server.commands[1].endswith(" SMTPUTF8")


def test_only_what_the_server_offers_is_used(command: Command, lmtp: Lmtp, mail: Path) -> None:
    server = lmtp(lhlo="250 here")
    assert command("ingest", mail, *options(A)).code == 0
    assert server.commands[1] == "MAIL FROM:<ann@far.example>"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--recipient", ""],
        ["--recipient", "a@b>\r\nRCPT TO:<c@d"],
        ["--recipient", A, "--sender", "a\nb@c"],
        ["--recipient", A, "--socket", "tcp:nowhere"],
        ["--recipient", A, "--socket", ""],
        ["--recipient", A, "--no-such-option"],
        ["--recipient", A, "--timeout", "0"],
    ],
)
def test_wrong_use_ends_with_64(command: Command, mail: Path, arguments: list[str]) -> None:
    ended = command("ingest", mail, *arguments)
    assert ended.code == os.EX_USAGE
    assert ended.err


@pytest.mark.parametrize("name", ["absent.eml", ".", "nul\0byte"])
def test_a_file_that_cannot_be_read_ends_with_66(command: Command, lmtp: Lmtp, name: str) -> None:
    server = lmtp()
    ended = command("ingest", name, *options(A))
    assert ended.code == os.EX_NOINPUT
    assert "cannot be read" in ended.err
    assert server.commands == []


def test_an_empty_mail_ends_with_65(command: Command, here: Path) -> None:
    (here / "empty").write_bytes(b"")
    assert command("ingest", "empty", *options(A)).code == os.EX_DATAERR


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"SENDOOK_INBOUND__LMTP": ""},
        {"SENDOOK_INBOUND__LMTP": "nonsense"},
        {"SENDOOK_INBOUND__LMTP": '["a list"]'},
        {"SENDOOK_INBOUND__LMTP": "tcp:127.0.0.1:1"},
        {"SENDOOK_CONFIG": "absent.toml"},
        {"SENDOOK_SERVER__DATA_DIR": "/" + "x" * 200},
    ],
)
def test_while_nobody_listens_the_mail_is_kept_whatever_the_cause(
    command: Command, mail: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    ended = command("ingest", mail, *options(A))
    assert ended.code == os.EX_TEMPFAIL
    assert ended.err.startswith("sendook-lite: ")
    assert "Traceback" not in ended.err


def test_a_socket_that_is_not_ours_to_open_says_which_group_would_help(
    command: Command, mail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as a user to whom modes do not apply, so the kernel's answer is played.
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    ended = command("ingest", mail, *options(A))
    assert ended.code == os.EX_TEMPFAIL
    assert "server.socket_group" in ended.err


def test_a_defect_of_ours_keeps_the_mail_and_shows_no_trace(
    command: Command, mail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "size_of", lambda _: 1 // 0)
    ended = command("ingest", mail, *options(A))
    assert ended.code == os.EX_TEMPFAIL
    assert "ZeroDivisionError" in ended.err
    assert "Traceback" not in ended.err


def test_a_mail_that_cannot_be_read_to_its_end_is_not_handed_in(
    command: Command, lmtp: Lmtp, mail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = lmtp()

    def half(_: object) -> Any:
        yield b"Subject: x\r\n"
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module.MailStream, "chunks", half)
    assert command("ingest", mail, *options(A)).code == os.EX_TEMPFAIL
    assert not server.content.endswith(b"\r\n.\r\n")


def test_what_the_server_says_cannot_steer_the_terminal(
    command: Command, lmtp: Lmtp, mail: Path
) -> None:
    lmtp(recipients={A: "550 \x1b[2Jgone"})
    assert (
        command("ingest", mail, *options(A)).out == f"{A}: 550 \N{REPLACEMENT CHARACTER}[2Jgone\n"
    )


def test_standard_input_is_the_default_and_its_size_need_not_be_known(
    process: Callable[..., Outcome], lmtp: Lmtp
) -> None:
    server = lmtp()
    ended = process("ingest", *options(A), stdin=b"Subject: x\n\nhello\n", SENDER="e@x.example")
    assert ended == Outcome(0, f"{A}: {OK}\n", "")
    assert server.commands[1] == "MAIL FROM:<e@x.example> BODY=8BITMIME"
    assert server.content == b"Subject: x\r\n\r\nhello\r\n.\r\n"


def test_a_mail_of_many_megabytes_goes_through(command: Command, lmtp: Lmtp, mail: Path) -> None:
    server = lmtp()
    mail.write_bytes(b"Subject: x\n\n" + b"0123456789abcde\n" * 500_000)
    assert command("ingest", mail, *options(A)).code == 0
    assert len(server.content) == len(b"Subject: x\r\n\r\n") + 17 * 500_000 + len(b".\r\n")


def test_the_settings_file_and_the_data_directory_lead_to_the_socket(
    command: Command, lmtp: Lmtp, mail: Path, here: Path
) -> None:
    lmtp()
    (here / "else.toml").write_text(
        f'[server]\ndata_dir = "/nowhere"\nsocket_dir = "{here}/sendook_data"\n'
    )
    assert command("ingest", mail, *options(A), "--config", "else.toml").code == 0
    assert command("ingest", mail, *options(A), "--data-dir", "sendook_data").code == 0
    assert command("ingest", mail, *options(A), "--data-dir", "other").code == os.EX_TEMPFAIL
    assert command("ingest", mail, *options(A), "--socket", "unix:sendook_data/lmtp.sock").code == 0


def test_a_closed_standard_output_does_not_unmake_what_was_stored(
    lmtp: Lmtp, mail: Path, here: Path
) -> None:
    lmtp()
    import subprocess  # noqa: PLC0415 - beside its only use

    from tests.cli.conftest import PYTHON  # noqa: PLC0415

    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        ended = subprocess.run(
            [*PYTHON, "ingest", str(mail), *options(A)],
            cwd=here,
            stdout=write_end,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write_end)
    assert (ended.returncode, ended.stderr) == (0, b"")
