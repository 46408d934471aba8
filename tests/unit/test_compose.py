"""A composed mail, read back by the standard library and by our own reader, is what was meant."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.domain.compose import MOST_REFERENCES, Draft, File, compose, text_to_html
from sendook_lite.domain.header_writing import FOLD_AT, field, parameter
from sendook_lite.domain.mail import parse
from tests.fakes import START

ID = "01abc@here.example"
NAMES = {
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references",
    "mime-version", "content-type", "x-mine",
}  # fmt: skip


def draft(**fields: Any) -> Draft:
    made = {
        "from_address": "ann@here.example",
        "from_name": None,
        "to": ("bob@there.example",),
        "text": "Hello.",
        **fields,
    }
    return Draft(**made)


def composed(**fields: Any) -> bytes:
    return compose(draft(**fields), ID, START)


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def header_of(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]


def test_a_mail_has_what_every_mail_needs() -> None:
    message = read(composed())
    assert message["Message-ID"] == f"<{ID}>"
    assert message["MIME-Version"] == "1.0"
    assert parsedate_to_datetime(message["Date"]).timestamp() * 1000 == START
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip


def test_bcc_is_nowhere_in_the_mail() -> None:
    raw = composed(bcc=("hidden@there.example",), to=(), cc=())
    assert b"hidden" not in raw
    assert b"To: undisclosed-recipients:;\r\n" in raw


@pytest.mark.parametrize(
    "name", ["Ann", "Ann Other", 'Ann "A" Other', "Other, Ann", "Änn Öther", "安", "=?x?=", "a\\b"]
)
def test_a_name_of_any_kind_is_read_back(name: str) -> None:
    mail = parse(composed(from_name=name))
    assert (mail.from_name, mail.from_address) == (name, "ann@here.example")
    assert str(read(composed(from_name=name))["From"].addresses[0].display_name) == name


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300))
def test_a_subject_of_any_kind_is_read_back(subject: str) -> None:
    raw = composed(subject=subject)
    assert header_of(raw).isascii()
    found = parse(raw).subject
    assert found == subject.strip() or " ".join(found.split()) == " ".join(subject.split())


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_a_text_of_any_kind_is_read_back(text: str) -> None:
    body = read(composed(text=text or "x")).get_body(("plain",))
    assert body is not None
    lines = re.sub(r"\r\n?", "\n", text or "x")
    expected = lines if lines.endswith("\n") else lines + "\n"
    assert body.get_content().replace("\r\n", "\n") == expected


NASTY = st.text(
    st.sampled_from([*"\r\n\0\x0b\x85\u2028: \ta\xe9=?"]),
    max_size=40,
)  # fmt: skip


@given(
    NASTY.map(lambda text: text + "\r\nBcc: evil@x.example"),
    st.sampled_from(["subject", "from_name", "reply_to", "in_reply_to", "header", "address"]),
)
def test_nothing_can_begin_a_header_of_its_own(value: str, where: str) -> None:
    fields: dict[str, Any] = {where: value}
    if where == "header":
        fields = {"headers": (("X-Mine", value),)}
    elif where == "address":
        fields = {"to": (f"{value}@x.example",)}
    try:
        raw = composed(**fields)
    except ValueError:
        return
    # What is not refused is encoded: there is no line that was not meant.
    names = {
        line.partition(b":")[0].decode().lower()
        for line in header_of(raw).split(b"\r\n")
        if not line.startswith((b" ", b"\t"))
    }
    assert names <= NAMES
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")


@given(NASTY, NASTY)
def test_a_field_is_one_field_or_none(name: str, value: str) -> None:
    try:
        written = field(name, value)
    except ValueError:
        return
    lines = written.split(b"\r\n")
    assert lines[-1] == b""
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:-1])
    assert b"\r" not in b"".join(lines)
    assert b"\n" not in b"".join(lines)


@given(NASTY, st.binary(max_size=200))
def test_the_name_of_a_file_cannot_break_out(name: str, content: bytes) -> None:
    try:
        raw = composed(attachments=(File(name or "a", "text/plain", content),))
    except ValueError:
        return
    (attached,) = read(raw).iter_attachments()
    assert attached.get_payload(decode=True) == content
    assert {key.lower() for key in attached} == {
        "content-type", "content-transfer-encoding", "content-disposition",
    }  # fmt: skip


def test_lines_are_short_where_they_can_be() -> None:
    raw = composed(
        subject="word " * 60, to=tuple(f"recipient{n}@there.example" for n in range(50)),
        references=tuple(f"{n:030}@there.example" for n in range(60)), text="é" * 5000,
    )  # fmt: skip
    assert max(map(len, raw.split(b"\r\n"))) <= FOLD_AT + 2


def test_a_long_conversation_keeps_its_first_and_last_mails() -> None:
    references = tuple(f"{number}@x" for number in range(100))
    found = parse(composed(references=references)).references
    assert len(found) == MOST_REFERENCES
    assert (found[0], found[-1]) == ("0@x", "99@x")


@pytest.mark.parametrize("name", ["a.pdf", 'a "b".pdf', "März.pdf", "a" * 200 + ".pdf", "文.pdf"])
def test_a_file_is_read_back_whole(name: str) -> None:
    content = bytes(range(256)) * 20
    raw = composed(attachments=(File(name, "application/pdf", content),))
    (attached,) = read(raw).iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == (name, content)
    (ours,) = parse(raw).attachments
    assert (ours.name, ours.content, ours.content_type) == (name, content, "application/pdf")


def test_an_enclosed_message_is_sent_as_plain_bytes() -> None:
    raw = composed(attachments=(File("a.eml", "message/rfc822", b"Subject: x\r\n\r\ny"),))
    (attached,) = read(raw).iter_attachments()
    assert attached.get_content_type() == "application/octet-stream"
    assert attached.get_content() == b"Subject: x\r\n\r\ny"


def test_a_domain_beyond_ascii_needs_no_more_than_ascii() -> None:
    raw = composed(to=("ann@bücher.example",))
    assert b"To: ann@xn--bcher-kva.example\r\n" in raw


def test_an_address_beyond_ascii_stays_as_it_is() -> None:
    assert "To: 用户@例子.example\r\n".encode() in composed(to=("用户@例子.example",))


def test_html_made_of_text_shows_it_and_runs_nothing() -> None:
    assert text_to_html("a <b>\r\n& c\n\n\n<script>") == (
        "<p>a &lt;b&gt;<br>&amp; c</p>\n<p>&lt;script&gt;</p>\n"
    )


def test_parameters_are_quoted_or_encoded_where_they_must_be() -> None:
    assert parameter("name", "a.txt") == "; name=a.txt"
    assert parameter("name", 'a "b"') == '; name="a \\"b\\""'
    assert parameter("name", "ä") == "; name*=utf-8''%C3%A4"
