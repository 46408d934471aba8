"""Tokens: read back from what mail servers make of them, and by nobody made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendook_lite.domain.ids import Ids
from sendook_lite.domain.tokens import Tokens
from tests.fakes import CountingBytes, FakeClock

TOKENS = Tokens(b"secret")
MESSAGE = Ids(FakeClock(), CountingBytes()).new("msg")


def detail(tokens: Tokens = TOKENS) -> str:
    return tokens.return_path(MESSAGE, "x.example").partition("+")[2].partition("@")[0]


def test_a_return_path_fits_and_names_its_message() -> None:
    address = TOKENS.return_path(MESSAGE, "x.example")
    local, _, domain = address.partition("@")
    assert (local.partition("+")[0], domain) == ("bounces", "x.example")
    assert len(local) <= 64
    assert address == address.lower()
    for written in (detail(), detail().upper(), detail().title()):
        assert TOKENS.read_return_path(written) == MESSAGE


def test_a_message_id_names_its_message() -> None:
    header = TOKENS.message_id_header(MESSAGE, "x.example")
    for written in (header, f"<{header}>", f" <{header.upper()}>\n"):
        assert TOKENS.read_message_id(written) == MESSAGE
    assert TOKENS.read_message_id(None) is None


def test_a_public_message_id_does_not_give_the_return_path_away() -> None:
    header = TOKENS.message_id_header(MESSAGE, "x.example")
    assert TOKENS.read_return_path(header.partition("@")[0]) is None
    assert TOKENS.read_message_id(f"{detail()}@x.example") is None


def test_the_token_of_another_server_is_none() -> None:
    assert TOKENS.read_return_path(detail(Tokens(b"another"))) is None


@pytest.mark.parametrize("place", range(42))
def test_every_character_counts(place: int) -> None:
    token = detail()
    other = "b" if token[place] != "b" else "c"
    assert TOKENS.read_return_path(token[:place] + other + token[place + 1 :]) is None


@given(st.text(max_size=80))
def test_what_is_no_token_is_read_as_none(text: str) -> None:
    assert TOKENS.read_return_path(text) is None
    assert TOKENS.read_message_id(text) is None


@pytest.mark.parametrize(
    "text", [None, "", "\u0131" * 42, detail() + "a", detail()[1:], " " + detail()]
)
def test_what_is_almost_one_is_none(text: str | None) -> None:
    assert TOKENS.read_return_path(text) is None
