"""Fuzz target: the reader of what follows MAIL FROM: and RCPT TO:."""

from collections.abc import Iterator

from sendook_lite.domain.errors import Invalid
from sendook_lite.inbound.lmtp_path import LONGEST_PATH, read_path
from tests.invariants import check_clean


def corpus() -> Iterator[bytes]:
    """Start from paths with and without parameters, plain and odd."""
    yield from (
        b"FROM:<>",
        b"FROM:<a@b.example> SIZE=1000 BODY=8BITMIME SMTPUTF8",
        b"TO:<a@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c.example",
        b"TO: a@b.example",
        b"to:<@relay.example,@other.example:a@b.example>",
        b'TO:<"a b"@c.example>',
        b'TO:<"a\\"b\\\\"@[192.0.2.1]>',
        "TO:<jörg@bücher.example>".encode(),
        b"FROM:<\xff\x00@b.example> X=\xed\xa0\x80",
        b"FROM:<" + b"a" * 1000 + b"@b.example>",
    )


def one(data: bytes) -> None:
    """Read a path: it is clean and of bounded length, or refused."""
    argument = data.decode("utf-8", "surrogateescape")
    for keyword in ("FROM:", "TO:"):
        try:
            path = read_path(argument, keyword)
        except Invalid:
            continue
        check_clean(path.address)
        assert len(path.address) <= LONGEST_PATH
        assert not any(ord(letter) < ord(" ") for letter in path.address)
        assert all(name == name.upper() for name in path.parameters)
