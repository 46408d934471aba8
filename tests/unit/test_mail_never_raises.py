"""Whatever the bytes, a mail is read, in bounded time, into texts JSON and SQLite can hold.

``SENDOOK_FUZZ_CASES`` raises the number of made-up mails per test.
"""

import base64
import os
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sendook_lite.domain.addresses import is_plausible, normalise, read_mailboxes, split
from sendook_lite.domain.html_text import html_to_text
from sendook_lite.domain.mail import parse
from sendook_lite.domain.visible_text import visible_reply
from tests.invariants import check_mail

CASES = int(os.environ.get("SENDOOK_FUZZ_CASES", "400"))
SAMPLES = [
    path.read_bytes()
    for path in sorted((Path(__file__).parent.parent / "samples" / "mail").glob("*.eml"))
]

fuzz = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


FIELDS = [
    *(b"From", b"To", b"Cc", b"Reply-To", b"Sender", b"Subject", b"Date", b"Message-ID"),
    *(b"References", b"In-Reply-To", b"Content-Type", b"Content-Disposition", b"Content-ID"),
    *(b"Content-Transfer-Encoding", b"Auto-Submitted", b"Authentication-Results"),
    *(b"X-Spam-Status", b"X-Spam-Score", b"List-Id", b"X"),
]
SCRAPS = [
    *(b"=?utf-8?q?=C3?=", b"=?iso-2022-jp?b?GyRC?=", b"=?x?b?=?=", b"=?utf-7?q?+2AA-?=", b"=?"),
    *(b"text/plain", b"text/html", b"multipart/mixed", b"multipart/alternative", b"message/rfc822"),
    *(b"message/delivery-status", b"multipart/digest", b"image/png", b"; boundary=b"),
    *(b'; boundary="b"', b"; name=../x", b"; filename*0*=utf-8''%ED%A0%80", b"; filename*1=y"),
    *(b'; name="\\', b"; charset=utf-7", b"; charset=hex", b"; charset=idna", b"; charset=utf-16"),
    *(b"; charset=\x00", b"; format=flowed; delsp=yes", b"base64", b"quoted-printable"),
    *(b"x-uuencode", b"attachment", b"inline", b"a@b", b"<a@b>", b"Ada", b'"', b"(", b")", b"<"),
    *(b">", b",", b";", b":", b"\\", b"\xff", b"\xed\xa0\x80", b"\x00", b"\r", b"\n ", b"\n\t"),
    *(b"Mon, 3 Mar 2025 10:15:00 +0100", b"99999999999999999999", b"score=1.0", b"; dkim=pass"),
]
BODIES = [
    *(b"\n\n", b"\n", b"\r\n", b"\r", b"\n--b\n", b"\n--b--\n", b"--b", b"--", b"hello", b"> old"),
    *(b"On Mon, 3 Mar 2025 a@b wrote:\n", b"From: a\nSent: b\nTo: c\nSubject: d\n", b"-- \n"),
    *(b"<p>", b"</p>", b"<a href='", b"<!--", b"<blockquote>", b"&#xD800;", b"&#0;", b"<pre>"),
    *(b"=C3=BC", b"=", b"aGVsbG8=", b"\x1b$B", b"+2AA-", b"\xff\xfe", b"\x00", b"begin 644 x\n"),
    *(b"M\xff\n", b"Best regards\nBob\n", b"Final-Recipient: rfc822; a@b\n", b"\xed\xa0\x80"),
]
field = st.tuples(
    st.sampled_from(FIELDS), st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=4), max_size=6)
).map(lambda pair: pair[0] + b": " + b"".join(pair[1]) + b"\n")
header = st.lists(field, max_size=8).map(b"".join)
body = st.lists(st.sampled_from(BODIES) | header | st.binary(max_size=8), max_size=16)


@fuzz
@given(header=header, pieces=body)
def test_made_up_mails_are_read(header: bytes, pieces: list[bytes]) -> None:
    check_mail(header + b"\n" + b"".join(pieces))


@fuzz
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read(raw: bytes) -> None:
    check_mail(raw)


@fuzz
@given(
    raw=st.sampled_from(SAMPLES),
    edits=st.lists(
        st.tuples(
            st.integers(0, 4000), st.integers(0, 40), st.sampled_from(SCRAPS + BODIES + FIELDS)
        ),
        max_size=6,
    ),
)
def test_damaged_mails_are_read(raw: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    for place, removed, added in edits:
        start = place % (len(raw) + 1)
        raw = raw[:start] + added + raw[start + removed :]
    check_mail(raw)


any_text = st.text(alphabet=st.characters(), max_size=60) | st.lists(
    st.sampled_from([piece.decode("ascii", "surrogateescape") for piece in SCRAPS + BODIES])
).map("".join)


@fuzz
@given(text=any_text)
def test_readers_of_text_take_any_text(text: str) -> None:
    html_to_text(text).encode()
    visible_reply(text)
    normalise(text)
    split(text)
    is_plausible(text)
    for box in read_mailboxes(text):
        box.address.encode()
        (box.name or "").encode()


SIZE = 1 << 18
HOSTILE_VALUES = [
    *(b"(", b'"', b'\\"', b'; "', b";a=", b"=?a?b?", b"=?utf-8?B?QQ==?= ", b"<", b"<a@b", b":"),
    *(b" ", b"a,", b";a*0=1", b";a*0*=x", b"\xff", b"a@b,", b";spf=", b"[", b"\n ", b"'"),
]
HOSTILE_BODIES = [
    *(
        b"\n",
        b" ",
        b">",
        b"> x\n",
        b"On a ",
        b"On a\n",
        b"a@b:\n",
        b"From: x\n",
        b"-- \n",
        b"--\n",
        b"--b\n",
    ),
    *(
        b"<",
        b"<a ",
        b'<a x="',
        b"<ul><li>",
        b"<!--",
        b"<pre>\n",
        b"&",
        b"<table><td>",
        b"=",
        b"A\n",
    ),
    *(b"--b\n\n", b"\xff", b"\x1b$B", b"x \n", b"Best regards\nx\n", b"-----", b"a:\n"),
]
HEADS = [
    b"",
    b"Content-Type: text/html\n",
    b"Content-Type: text/plain; format=flowed\n",
    b"Content-Type: multipart/mixed; boundary=b\n",
    b"Content-Type: multipart/mixed\n",
    b"Content-Type: message/delivery-status\n",
    b"Content-Type: text/plain; charset=utf-7\nContent-Transfer-Encoding: quoted-printable\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: x-uuencode\n",
]


# What these would take without bounds is minutes to hours, so the suite's own limit is the judge.
@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=repr)
def test_hostile_header_values_do_not_hang(value: bytes) -> None:
    for name in FIELDS:
        parse(name + b": " + value * (SIZE // len(value)) + b"\n\nbody")


@pytest.mark.parametrize(("head", "piece"), list(product(HEADS, HOSTILE_BODIES)), ids=repr)
def test_hostile_bodies_do_not_hang(head: bytes, piece: bytes) -> None:
    parse(head + b"\n" + piece * (SIZE // 8 // len(piece)))


@pytest.mark.parametrize(
    "level",
    [
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n",
        b"Content-Type: message/rfc822\n\n",
        b"Content-Type: multipart/digest; boundary=b\n\n--b\n\n",
    ],
)
def test_endless_nesting_is_read(level: bytes) -> None:
    read = parse(b"From: a@b.example\n" + level * 10_000 + b"\nend")
    assert read.from_address == "a@b.example"
    assert read.parse_error is not None


def test_a_mail_of_25_mib_is_read_whole() -> None:
    content = b"\x00\x01binary" * (9 << 18)
    raw = (
        b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n"
        b"--b\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(content)
        + b"\n--b--\n"
    )
    read = parse(raw)
    assert read.text == "hi"
    assert read.attachments[0].content == content
