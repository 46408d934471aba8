"""Address headers and the keys of addresses."""

import pytest

from sendook_lite.domain.addresses import is_plausible, normalise, read_mailboxes, split


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        (None, []),
        ("a@x", [(None, "a@x")]),
        ("Ada <a@x>", [("Ada", "a@x")]),
        ("<a@x>", [(None, "a@x")]),
        ('"Lovelace, Ada" <a@x>, b@x', [("Lovelace, Ada", "a@x"), (None, "b@x")]),
        ('"a\\"b" <a@x>', [('a"b', "a@x")]),
        ("a@x (Ada (the first))", [("Ada the first", "a@x")]),
        ("(comment) Ada <a@x> (more)", [("Ada", "a@x")]),
        ("=?utf-8?q?A=2C_B?= <a@x>", [("A, B", "a@x")]),
        ('"=?utf-8?q?J=C3=BCrgen?=" <a@x>', [("Jürgen", "a@x")]),
        ("J\udcfcrgen <a@x>", [("Jürgen", "a@x")]),
        ("undisclosed-recipients:;", []),
        ("Team: a@x, B <b@x>;, c@x", [(None, "a@x"), ("B", "b@x"), (None, "c@x")]),
        ("a@x; b@x", [(None, "a@x"), (None, "b@x")]),
        ("a@x,, ,b@x,", [(None, "a@x"), (None, "b@x")]),
        ("<@r1,@r2:a@x>", [(None, "a@x")]),
        ("user@[IPv6:2001:db8::1]", [(None, "user@[IPv6:2001:db8::1]")]),
        ('"john doe"@x', [(None, '"john doe"@x')]),
        ("'a@x'", [(None, "a@x")]),
        ("\"'a@x'\" <a@x>", [("a@x", "a@x")]),
        ("Ada Lovelace a@x", [("Ada Lovelace", "a@x")]),
        ("mailto:a@x", [(None, "a@x")]),
        ("MAILER-DAEMON (Mail System)", [("Mail System", "MAILER-DAEMON")]),
        ("two words", []),
        ("x <>", []),
        ('"open <a@x>, b@x', [("open", "a@x"), (None, "b@x")]),
        ("Ada <a@x", [("Ada", "a@x")]),
        ("Ada\r\n <a@x>,\r\n\tb@x", [("Ada", "a@x"), (None, "b@x")]),
        ("<a @ x>", [(None, "a@x")]),
        ("a@\x00x", [(None, "a@x")]),
        ("<one@x> <two@x>", [(None, "one@x")]),
        ("a@[open", [(None, "a@[open")]),
    ],
)
def test_address_lists_are_read(value: object, expected: list[tuple[str | None, str]]) -> None:
    assert [(box.name, box.address) for box in read_mailboxes(value)] == expected


def test_an_address_cut_at_the_limit_is_dropped() -> None:
    value = ", ".join(f"user{n}@example.test" for n in range(2000))
    boxes = read_mailboxes(value)
    assert len(boxes) > 500
    assert all(box.address.endswith("@example.test") for box in boxes)


def test_the_number_of_addresses_is_bounded() -> None:
    assert len(read_mailboxes("a@b," * 4000)) == 1000


def test_an_endless_address_is_dropped() -> None:
    assert read_mailboxes("a" * 5000 + "@x, b@x") == read_mailboxes("b@x")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.TEST", "ada@example.test"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("a@bücher.example", "A@XN--BCHER-KVA.example"),
        (" <a@x.test> ", "a@x.test"),
        ("a@x.test.", "a@x.test"),
        ("é@x.test", "e\u0301@x.test"),
        ("Root", "root"),
    ],
)
def test_addresses_that_differ_in_form_have_one_key(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


def test_addresses_that_differ_keep_different_keys() -> None:
    assert normalise("a+b@x.test") != normalise("a@x.test")
    assert normalise("a@straße.example") != normalise("a@strasse.example")


def test_a_domain_that_has_no_ascii_form_is_folded_as_it_is() -> None:
    assert normalise("a@É..test") == "a@é..test"


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("a@x.test", ("a", None, "x.test")),
        ("a+b@x.test", ("a", "b", "x.test")),
        ("a+b+c@x.test", ("a", "b+c", "x.test")),
        ("a+@x.test", ("a", "", "x.test")),
        ("+b@x.test", ("+b", None, "x.test")),
        ('"a+b"@x.test', ('"a+b"', None, "x.test")),
        ('"a@b"@x.test', ('"a@b"', None, "x.test")),
        ("root", ("root", None, "")),
    ],
)
def test_addresses_are_split_at_the_detail(
    address: str, parts: tuple[str, str | None, str]
) -> None:
    assert split(address) == parts


@pytest.mark.parametrize(
    "address",
    [
        *("a@example.com", "a+b@x.test", "a@b.local", "a@localhost", "a@home.arpa"),
        *("a@dev.localhost.test", "jürgen@bücher.example", "A.B@Sub.Example.ORG"),
    ],
)
def test_addresses_mail_may_be_sent_to(address: str) -> None:
    assert is_plausible(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "a",
            "a@",
            "@x.test",
            "a b@x.test",
            "a@x..test",
            "a@-x.test",
            "a@x.test\n",
            "a\n@x.test",
        ),
        *("a@x.test, b@x.test", "Ada <a@x.test>", "a@[127.0.0.1]", "a@b@x.test", "a@\ud800.test"),
        *("a" * 2000 + "@x.test", "a" * 65 + "@example.com", "a@127.0.0.1"),
    ],
)
def test_addresses_no_mail_can_be_sent_to(address: str) -> None:
    assert not is_plausible(address)
