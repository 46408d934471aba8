"""Envelope addresses are read leniently, and never so that anything is smuggled in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.domain.errors import Invalid
from sendook_lite.inbound.lmtp_path import Path, read_path
from sendook_lite.inbound.lmtp_replies import complete


@pytest.mark.parametrize(
    ("argument", "address", "parameters"),
    [
        ("FROM:<a@b.example>", "a@b.example", {}),
        ("from:<a@b.example> size=5 BODY=8BITMIME", "a@b.example",
         {"SIZE": "5", "BODY": "8BITMIME"}),
        ("FROM:  <a@b.example>   SMTPUTF8", "a@b.example", {"SMTPUTF8": ""}),
        ("FROM:a@b.example", "a@b.example", {}),
        ("FROM:<>", "", {}),
        ("FROM:<@c.example:a@b.example>", "a@b.example", {}),
        ("FROM:<@c.example,@d.example:a@b.example>", "a@b.example", {}),
        ('FROM:<"a b"@b.example>', '"a b"@b.example', {}),
        ('FROM:<"a>b\\"@c"@b.example> SIZE=1', '"a>b\\"@c"@b.example', {"SIZE": "1"}),
        ('FROM:<"ab"@b.example>', "ab@b.example", {}),
        ("FROM:<ä@bücher.example>", "ä@bücher.example", {}),
    ],
)  # fmt: skip
def test_a_path_is_read(argument: str, address: str, parameters: dict[str, str]) -> None:
    assert read_path(argument, "FROM:") == Path(address, parameters)


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        (None, "bad_syntax"),
        ("", "bad_syntax"),
        ("FROM:", "bad_syntax"),
        ("FROM <a@b>", "bad_syntax"),
        ("FROM:<a@b", "bad_syntax"),
        ("FROM:<a@b>x", "bad_syntax"),
        ("FROM:<a<b@c>>", "bad_syntax"),
        ('FROM:<"a@b>', "bad_syntax"),
        ("FROM:<a\rb@c>", "bad_address"),
        ("FROM:<a\x7f@c>", "bad_address"),
        ("FROM:<\udc80@c>", "bad_address"),
        (f"FROM:<{'a' * 999}@c>", "bad_address"),
    ],
)
def test_what_is_no_path_is_refused(argument: str | None, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_path(argument, "FROM:")
    assert caught.value.code == code


@given(st.text(alphabet='<>"\\@:, a\r\n\x00é=', max_size=40))
def test_whatever_is_read_holds_no_line_end(text: str) -> None:
    try:
        path = read_path("TO:" + text, "TO:")
    except Invalid:
        return
    assert not set("\r\n\x00") & set(path.address)


def test_hostile_quotes_are_refused_at_once() -> None:
    with pytest.raises(Invalid):
        read_path("TO:<" + '"\\' * 2000, "TO:")


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ("250 OK", "250 2.0.0 OK"),
        ("421 busy", "421 4.0.0 busy"),
        ("220 host ready", "220 host ready"),
        ("354 go on", "354 go on"),
        ("550 5.1.1 none\r\n250 2.0.0 evil", "550 5.1.1 none??250 2.0.0 evil"),
        ("550 5.1.1 ä", "550 5.1.1 ?"),
    ],
)
def test_a_reply_is_one_line_of_ascii_with_its_code(reply: str, line: str) -> None:
    assert complete(reply) == line


def test_a_reply_is_no_longer_than_a_line_may_be() -> None:
    assert len(complete("550 5.1.1 " + "x" * 2000)) <= 510
