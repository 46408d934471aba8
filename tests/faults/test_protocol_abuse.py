"""Whatever is said at a local door has a proper answer, and the next client is served."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.server import Server
from tests.faults.doors import knock

EXAMPLES = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
REPLY = re.compile(rb"[245]\d\d[ -][\x20-\x7e]*\r\n")

words = st.sampled_from(
    ["event", "message.sent", "message.received", "key", "raw", "recipients", "at"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=10,
)
lines = st.one_of(
    st.binary(max_size=200).map(lambda raw: raw.replace(b"\n", b" ")),
    st.dictionaries(words, values, max_size=6).map(lambda value: json.dumps(value).encode()),
)
commands = st.one_of(
    st.binary(max_size=100),
    st.sampled_from(
        [
            b"LHLO x\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<support@localhost.test>\r\n",
            b"DATA\r\n", b".\r\n", b"\n.\n", b"\r.\r", b"RSET\r\n", b"BDAT 5\r\n", b"NOOP\r\n",
            b"x" * 5000 + b"\r\n", b"MAIL FROM:<" + b"a" * 3000 + b">\r\n", b"\x00\r\n", b"\r\n",
        ]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("abuse") / "data").start()
    server.inbox()
    yield server
    assert knock(server).all_accepted
    assert "connection failed" not in server.log()
    assert server.stop() == 0


def talk(path: Path, said: bytes) -> bytes:
    """Say everything at once, close our side and hear the other one out."""
    heard = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        try:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has heard enough
        try:
            while chunk := connection.recv(65536):
                heard += chunk
        except ConnectionResetError:
            pass
    return heard


@EXAMPLES
@given(said=st.lists(lines, min_size=1, max_size=10))
def test_every_line_has_one_answer_in_its_place(server: Server, said: list[bytes]) -> None:
    good = b'{"event":"message.sent","from":"a@b.example","recipient":"c@d.example"}'
    heard = talk(server.data_dir / "events.sock", b"\n".join([*said, good]) + b"\n")
    answers = [json.loads(line) for line in heard.splitlines()]
    assert len(answers) == len(said) + 1
    assert answers[-1]["ok"] is True
    assert all(each["ok"] is True or (each["code"] and each["error"]) for each in answers)
    assert not any(each.get("code") == "internal_error" for each in answers)


@EXAMPLES
@given(said=st.lists(commands, min_size=1, max_size=15))
def test_whatever_is_said_over_lmtp_is_answered_with_replies(
    server: Server, said: list[bytes]
) -> None:
    heard = talk(server.data_dir / "lmtp.sock", b"LHLO x\r\n" + b"".join(said))
    assert b"".join(REPLY.findall(heard)) == heard
    assert b"Error: (" not in heard, "no words of a library about its own errors"


def test_ten_thousand_recipients_have_a_reply_each(server: Server) -> None:
    recipients = b"".join(b"RCPT TO:<u%d@localhost.test>\r\n" % number for number in range(10_000))
    said = b"LHLO x\r\nMAIL FROM:<a@b.example>\r\n" + recipients + b"QUIT\r\n"
    heard = talk(server.data_dir / "lmtp.sock", said)
    replies = [line for line in heard.splitlines() if line[:1] in b"245"]
    assert b"".join(REPLY.findall(heard)) == heard
    assert len([each for each in replies if not each.startswith((b"220", b"221"))]) >= 10_000
