"""The tree of parts, header values, transfer encodings and charsets."""

import base64
from email import message_from_bytes

import pytest

from sendook_lite.domain.charsets import clean, decode
from sendook_lite.domain.mail_headers import decode_raw, parameters
from sendook_lite.domain.mime import (
    content_type,
    decode_header,
    header,
    headers,
    open_mail,
    parse_error,
    part_bytes,
    part_text,
    walk,
)
from sendook_lite.domain.transfer import from_base64


def types(raw: bytes, *, into_messages: bool = False) -> list[str]:
    return [part.content_type for part in walk(open_mail(raw), into_messages=into_messages)]


def nested(depth: int) -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
    )
    return b"From: a@b.example\n" + b"".join(levels) + b"\nhello\n"


@pytest.mark.parametrize(
    "before",
    [b"", b"\xef\xbb\xbf", b"\n\r\n", b"From joe Mon Mar  3 10:00:00 2025\n", b"\n>From joe\n"],
)
def test_what_stands_before_the_header_hides_no_header(before: bytes) -> None:
    message = open_mail(before + b"Subject: hi\n\nbody")
    assert header(message, "SUBJECT") == "hi"
    assert part_text(message) == "body"
    assert parse_error(message) is None


@pytest.mark.parametrize(
    ("raw", "body", "error"),
    [
        (b"", "", "the message is empty"),
        (b"\n\n \r\n", "", "the message is empty"),
        (b"just text\nand more", "just text\nand more", "no header fields"),
        (b"Subject: x", "", None),
        (b"Subject: x\n", "", None),
        (b"Subject: x\r\n\r\nbody\r\n", "body\n", None),
        (b"Subject: x\r\rbody\r", "body\n", None),
        (b"Subject: x\nno field\nFrom: a@b\n\nbody", "body", None),
        (b"Subject: x\nno field\nnor this\n", "no field\nnor this\n", None),
        (b"Subject: x\n--\nbody", "--\nbody", None),
    ],
)
def test_header_and_body_part_at_the_first_line_that_is_no_field(
    raw: bytes, body: str, error: str | None
) -> None:
    message = open_mail(raw)
    assert part_text(message) == body
    assert parse_error(message) == error


def test_a_lost_indentation_does_not_end_the_header() -> None:
    message = open_mail(b"Subject: a long\nsubject\nFrom: a@b.example\n\nbody")
    assert header(message, "from") == "a@b.example"


def test_the_tree_has_the_shape_of_the_standard_library() -> None:
    raw = (
        b"Content-Type: multipart/report; boundary=r\n\npreamble\n"
        b"--r\n\nnotice\n"
        b"--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
        b"Final-Recipient: rfc822; a@b\nAction: failed\n"
        b"--r\nContent-Type: message/rfc822\n\nSubject: returned\n\nold text\n"
        b"--r--\nepilogue\n"
    )
    ours, theirs = open_mail(raw), message_from_bytes(raw)
    shape = [(p.get_content_type(), p.is_multipart(), p.keys()) for p in ours.walk()]
    assert shape == [(p.get_content_type(), p.is_multipart(), p.keys()) for p in theirs.walk()]
    assert [
        p.get_payload(decode=True) for p in ours.walk() if p.get_content_maintype() == "text"
    ] == [p.get_payload(decode=True) for p in theirs.walk() if p.get_content_maintype() == "text"]
    assert ours.get_payload(0).get_payload() == "notice"


def test_walking_stops_at_enclosed_messages_unless_told_otherwise() -> None:
    raw = (
        b"Content-Type: multipart/digest; boundary=d\n\n"
        b"--d\n\nSubject: one\n\nfirst\n--d\n\nContent-Type: text/html\n\nsecond\n--d--\n"
    )
    assert types(raw) == ["message/rfc822", "message/rfc822"]
    assert types(raw, into_messages=True) == [
        *("message/rfc822", "text/plain"),
        *("message/rfc822", "text/html"),
    ]
    first = next(walk(open_mail(raw))).message
    assert part_bytes(first) == b"Subject: one\n\nfirst"


def test_parts_of_one_alternative_are_of_one_group() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=m\n\n"
        b"--m\nContent-Type: multipart/alternative; boundary=a\n\n"
        b"--a\n\nplain\n--a\nContent-Type: multipart/related; boundary=r\n\n"
        b"--r\nContent-Type: text/html\n\nhtml\n--r\nContent-Type: image/png\n\nx\n--r--\n--a--\n"
        b"--m\n\nfooter\n--m--\n"
    )
    parts = list(walk(open_mail(raw)))
    assert [part.index for part in parts] == [0, 1, 2, 3]
    assert parts[0].group == parts[1].group == parts[2].group != parts[3].group
    assert [part.container for part in parts] == [
        *("multipart/alternative", "multipart/related"),
        *("multipart/related", "multipart/mixed"),
    ]


MIXED = b"Content-Type: multipart/mixed; boundary="


@pytest.mark.parametrize(
    ("inner", "texts"),
    [
        (b"--m\n\none\n--m\n\ntwo", ["one", "two"]),  # the last delimiter is missing
        (b"--m\n" + MIXED + b"i\n\n--i\n\none\n--m\n\ntwo\n--m--", ["one", "two"]),
        (b"--m\n" + MIXED + b"m\n\n--m\n\none\n--m--\n--m\n\ntwo\n--m--", ["one", "two"]),
        (b"--m\n" + MIXED + b"mm\n\n--mm\n\none\n--mm--\n--m\n\ntwo\n--m--", ["one", "two"]),
        (b"--m\nX: y\n--m\n\ntwo\n--m--", ["", "two"]),  # no empty line after the header
        (b"--m \t\r\n\r\none\r\n--m-- ", ["one"]),  # white space behind the delimiters
        (b"--" + b"x" * 5000 + b"\n--m\n\none\n--m--\n--m\n\nepilogue", ["one"]),
    ],
    ids=["unclosed", "inner unclosed", "same", "prefix", "no empty line", "spaces", "long line"],
)
def test_sloppy_delimiters_still_part_the_parts(inner: bytes, texts: list[str]) -> None:
    message = open_mail(MIXED + b"m\n\n" + inner)
    assert [part_text(part.message) for part in walk(message)] == texts
    assert parse_error(message) is None


def test_a_missing_boundary_is_guessed_and_told() -> None:
    message = open_mail(
        b"Content-Type: multipart/mixed\n\n--x\nContent-Type: text/html\n\nhi\n--x--"
    )
    assert [(p.content_type, part_text(p.message)) for p in walk(message)] == [("text/html", "hi")]
    assert parse_error(message) == "a multipart without a boundary"


def test_a_multipart_whose_boundary_never_occurs_is_kept_whole() -> None:
    message = open_mail(b"Content-Type: multipart/mixed; boundary=x\n\ntext\n--y\n")
    assert [(p.content_type, part_text(p.message)) for p in walk(message)] == [
        ("multipart/mixed", "text\n--y\n")
    ]
    assert parse_error(message) == "a multipart whose boundary never occurs"


def test_depth_is_bounded_and_what_is_deeper_is_kept_as_text() -> None:
    message = open_mail(nested(10_000))
    (part,) = walk(message)
    assert part.depth == 100
    assert part_bytes(part.message).endswith(b"hello\n")
    assert parse_error(message) == "nested deeper than 100 levels"


def test_the_number_of_parts_is_bounded_and_the_rest_is_in_the_last_one() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=m\n\n" + b"--m\n\nx\n" * 2000
    parts = list(walk(open_mail(raw)))
    assert len(parts) == 999
    assert part_bytes(parts[-1].message).count(b"--m") == 1001
    assert parse_error(open_mail(raw)) == "more than 1000 parts"


def test_fields_are_bounded_in_number_and_length() -> None:
    message = open_mail(b"Subject: " + b"a" * (1 << 20) + b"\n" + b"X: y\n" * 5000 + b"\nbody")
    assert len(message.keys()) == 1000
    assert len(next(headers(message, "subject"))) == 65536 - 1
    assert part_text(message) == "body"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (None, ""),
        (b"caf\xe9", "café"),
        ("=?utf-8?q?J=C3=BCrgen?= M", "Jürgen M"),
        ("=?UTF-8*de?Q?J=C3=BCrgen?=", "Jürgen"),
        ("=?utf-8?B?w7w=?= =?utf-8?B?w7w=?=", "üü"),
        ("=?utf-8?B?w7w=?=\r\n\t=?utf-8?B?w7w=?=", "üü"),
        ("=?utf-8?B?w7w=?= and =?utf-8?B?w7w=?=", "ü and ü"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),  # one character in two words
        ("=?utf-8?q?=C3=BC?= =?iso-8859-1?q?=FC?=", "üü"),
        ("=?utf-8?q?a b?=", "a b"),
        ("=?utf-8?B?w7w?=", "ü"),  # padding is missing
        ("=?utf-8?B?!!!?=", ""),
        ("=?x-unknown?q?=FC?=", "ü"),
        ("=?iso-2022-jp?B?GyRCOzNFRBsoQg==?=", "山田"),
        ("=?gb2312?B?08mG0w==?=", "由営"),
        ("=?broken", "=?broken"),
        ("a\n b\r\n\tc", "a b c"),
        ("a\x00b\x1bc\x7f", "abc"),
        ("=?utf-8?q?a=00=0D=0Ab?=", "a b"),
        ("\udcc3\udcbc", "ü"),
        ("\udcfc", "ü"),
        ("a\ud800b", "a?b"),
    ],
)
def test_header_values_are_decoded_into_one_clean_line(value: object, text: str) -> None:
    assert decode_header(value) == text


def test_header_values_are_read_up_to_a_limit() -> None:
    assert len(decode_header("a" * 100_000)) == 16384


def test_undeclared_bytes_of_a_header_follow_the_charset_of_the_body() -> None:
    raw = "Привет".encode("koi8-r").decode("ascii", "surrogateescape")
    assert decode_raw(raw, "koi8-r") == "Привет"
    assert decode_raw("Привет".encode().decode("ascii", "surrogateescape"), "koi8-r") == "Привет"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Text/Plain", ("text/plain", {})),
        ("a/b; charset=UTF-8; x", ("a/b", {"charset": "UTF-8"})),
        ('a/b; name="a;b\\"c"', ("a/b", {"name": 'a;b"c'})),
        ('a/b; name="open', ("a/b", {"name": "open"})),
        ("a/b; name=one; name=two", ("a/b", {"name": "one"})),
        ("a/b; name*=utf-8''%C3%BC.pdf", ("a/b", {"name": "ü.pdf"})),
        ("a/b; name*=%C3%BC.pdf", ("a/b", {"name": "ü.pdf"})),
        ("a/b; n*1=c; n*0=ab; n*2*=%20d", ("a/b", {"n": "abc d"})),
        ("a/b; n*0*=iso-8859-1'de'%FC; n*1=x", ("a/b", {"n": "üx"})),
        ("a/b; name=plain; name*=utf-8''extended", ("a/b", {"name": "extended"})),
        ('a/b; name="=?utf-8?q?=C3=BC?="', ("a/b", {"name": "ü"})),
        ("a/b; name=caf\udce9", ("a/b", {"name": "café"})),
        ("a/b; name*0*=utf-8''\ud800", ("a/b", {"name": "?"})),
    ],
)
def test_parameters_are_read_as_they_are_written(
    value: str, expected: tuple[str, dict[str, str]]
) -> None:
    assert parameters(value) == expected


def test_the_number_of_parameters_is_bounded() -> None:
    assert len(parameters("a/b" + "".join(f"; p{n}=1" for n in range(500)))[1]) == 100


@pytest.mark.parametrize("value", [b"text", b"/plain", b"text/", b"text plain/x", b"", b";;"])
def test_a_malformed_type_is_plain_text(value: bytes) -> None:
    assert content_type(open_mail(b"Content-Type: " + value + b"\n\n"))[0] == "text/plain"


@pytest.mark.parametrize(
    ("encoding", "body", "data"),
    [
        (b"7bit", b"a=20b", b"a=20b"),
        (b"Base64", b"aGVs\nbG8=", b"hello"),
        (b"base64", b"aGVs\n!! bG8", b"hello"),
        (b"base64", b"aGVsbG8=\n\n-- \nlist footer", b"hello"),
        (b"base64", b"a", b""),
        (b"quoted-printable", b"a=C3=BC=\nb=ZZ", b"a\xc3\xbcb=ZZ"),
        (b'"quoted-printable"', b"=41", b"A"),
        (b"x-uuencode", b"begin 644 x\n#0V%T\nbroken\x80\n\n`\nend\n", b"Cat"),
        (b"unknown", b"as it is", b"as it is"),
    ],
)
def test_transfer_encodings_are_undone_as_far_as_they_can_be(
    encoding: bytes, body: bytes, data: bytes
) -> None:
    raw = b"Content-Transfer-Encoding: " + encoding + b"\n\n" + body
    assert part_bytes(open_mail(raw)) == data
    assert part_bytes(message_from_bytes(raw)) == data


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"plain", None, "plain"),
        ("ü".encode(), None, "ü"),
        (b"\xfc", None, "ü"),
        (b"\x93\x80\x94", "iso-8859-1", "“€”"),
        (b"\x93\x80\x94", "us-ascii", "“€”"),
        ("ü".encode(), "us-ascii", "ü"),
        ("ü".encode(), "utf8", "ü"),
        (b"\xfc", "utf-8", "\ufffd"),
        ("ü".encode(), "x-nonsense", "ü"),
        ("é".encode(), "utf-8\x00", "é"),
        ("你好 €".encode("gb18030"), "gb2312", "你好 €"),
        ("①".encode("cp932"), "Shift_JIS", "①"),
        ("山田".encode("iso2022_jp"), "ISO-2022-JP", "山田"),
        ("Ж".encode("koi8-r"), "KOI8-R", "Ж"),
        ("Ж".encode("cp1251"), "windows-1251", "Ж"),
        ("ü".encode("utf-7"), "utf-7", "ü"),
        ("hi".encode("utf-16"), "utf-16", "hi"),
        (b"68656c6c6f", "hex", "68656c6c6f"),
        (b"\xfc", "idna", "ü"),
        (b"\\ud800\xfc", "unicode_escape", "\\ud800ü"),
        (b"\x81", None, "\ufffd"),
        ("שלום".encode("iso8859_8"), "iso-8859-8-i", "שלום"),
        (b"\xef\xbb\xbfhi", "utf-8", "hi"),
    ],
)
def test_text_is_decoded_by_its_charset_or_by_what_fits(
    data: bytes, charset: str | None, text: str
) -> None:
    assert decode(data, charset) == text


def test_clean_text_has_neither_nul_nor_surrogates_and_plain_line_ends() -> None:
    assert clean("a\x00b\ud800c\r\nd\re\tf\x0b\x85") == "abc\nd\ne\tf"


def test_base64_without_its_last_letter_gives_what_is_whole() -> None:
    whole = base64.b64encode(b"hello world")
    assert from_base64(whole[:-3]) == b"hello wor"


@pytest.mark.parametrize("charset", [b"utf-8\x00", b"idna", b"utf-8", b"hex", b""])
def test_the_payload_of_the_standard_library_is_there_for_any_charset(charset: bytes) -> None:
    message = open_mail(b"Content-Type: text/plain; charset=" + charset + b"\n\n\xc3\xbc")
    assert message.get_payload() == "ü"
    assert message.get_payload(decode=True) == b"\xc3\xbc"
