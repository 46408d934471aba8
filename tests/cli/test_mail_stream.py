import io
import smtplib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.cli.mail_stream import CHUNK_BYTES, MailStream, data_lines


def on_the_wire(*chunks: bytes) -> bytes:
    return b"".join(data_lines(chunks))


@pytest.mark.parametrize(
    ("mail", "wire"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n.\r\n"),
        (b"a\nb\n", b"a\r\nb\r\n.\r\n"),
        (b"no end", b"no end\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\n.\n..b\n", b"a\r\n..\r\n...b\r\n.\r\n"),
        (b"bare\rCR\r\n", b"bare\rCR\r\n.\r\n"),
        (b"two\r\r\n", b"two\r\r\n.\r\n"),
        (b"ends in CR\r", b"ends in CR\r\n.\r\n"),
        (b"", b".\r\n"),
    ],
)
def test_line_ends_and_dots_become_those_of_the_wire(mail: bytes, wire: bytes) -> None:
    assert on_the_wire(mail) == wire


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\n."]), max_size=30))
def test_where_chunks_end_makes_no_difference(pieces: list[bytes]) -> None:
    assert on_the_wire(*pieces) == on_the_wire(b"".join(pieces))


@given(st.lists(st.sampled_from([b".", b"a b", b"..", b"", b"x" * 70]), max_size=20))
def test_the_wire_form_is_that_of_the_standard_library(lines: list[bytes]) -> None:
    mail = b"".join(line + b"\r\n" for line in lines)
    assert on_the_wire(mail) == smtplib._quote_periods(mail) + b".\r\n"  # type: ignore[attr-defined]  # private


def test_the_line_of_mbox_files_is_dropped_and_only_at_the_beginning() -> None:
    stream = MailStream(io.BytesIO(b"From a@b Mon Jan 1\nSubject: x\n\nFrom here on\n"))
    assert b"".join(stream.chunks()) == b"Subject: x\n\nFrom here on\n"


def test_a_mail_longer_than_a_chunk_comes_through_whole() -> None:
    mail = b"Subject: x\n\n" + b"0123456789\n" * CHUNK_BYTES
    stream = MailStream(io.BytesIO(mail))
    chunks = list(stream.chunks())
    assert max(map(len, chunks)) <= CHUNK_BYTES
    assert b"".join(chunks) == mail


@pytest.mark.parametrize(
    ("mail", "path"),
    [
        (b"Return-Path: <a@b.example>\nTo: x\n\nbody", "a@b.example"),
        (b"To: x\r\nreturn-path:\t<>\r\n\r\nbody", ""),
        (b"Return-Path: a@b.example\n", "a@b.example"),
        (b"To: x\n\nReturn-Path: <in@the.body>\n", None),
        (b"", None),
    ],
)
def test_the_return_path_is_read_from_the_header_only(mail: bytes, path: str | None) -> None:
    assert MailStream(io.BytesIO(mail)).return_path() == path


def test_nothing_is_an_empty_mail() -> None:
    assert MailStream(io.BytesIO(b"")).empty
    assert not MailStream(io.BytesIO(b"x")).empty
