"""Damages sample mails the way the world does, and worse: one seed, one mail.

Cheaper than generated structures by far, so that a test can afford tens of thousands, and close to
real mail, so that they get deep into the readers.
"""

import base64
from collections.abc import Callable
from random import Random

_CHARSETS = (
    *(b"utf-7", b"utf-16", b"utf-32", b"utf-8-sig", b"iso-2022-jp", b"iso-2022-kr", b"hz"),
    b"cp932",
    *(b"gb18030", b"big5", b"koi8-r", b"x-unknown", b"hex", b"rot13", b"idna", b"punycode"),
    b"zlib",
    *(b"unicode_escape", b"", b'"', b"\x00", b"utf-8\xff", b"utf-8''", b"a" * 400),
)
_ENCODINGS = (b"base64", b"quoted-printable", b"x-uuencode", b"7bit", b"binary", b"gzip", b"")
_TYPES = (
    *(b"text/plain", b"text/html", b"message/rfc822", b"message/delivery-status", b"text/calendar"),
    *(b"message/feedback-report", b"message/disposition-notification", b"text/rfc822-headers"),
    *(b"multipart/report; report-type=delivery-status", b"multipart/digest", b"message/global"),
    *(b"multipart/mixed; boundary=", b"multipart/alternative", b"application/ms-tnef", b"/", b""),
    *(b"message/external-body", b"message/partial; number=1", b"image/png", b"TEXT", b"text/\xff"),
)
_NAMES = (
    *(b"../../etc/passwd", b"..\\..\\boot.ini", b"/etc/shadow", b"C:\\x.exe", b"..", b".", b""),
    b" ",
    *(b"a\x00b.txt", b"CON", b"nul.txt", b"x" * 600, "é".encode() * 300, b"%2e%2e%2fx", b"a/b\\c"),
    *("cod\u202etxt.exe".encode(), b"=?utf-8?q?..=2F..=2Fx?=", b"\xed\xa0\x80.txt", b"~/x"),
    b"a\tb",
    *(b"=?utf-16?b?2AA=?=", b"...hidden", b"x.txt.", b"\r\nX-Injected: y", b"file:///etc/passwd"),
)
_SCRAPS = (
    *(b"\x00", b"\r", b"\n", b"\r\n", b"\n\n", b"\r\r\n", b"\xff", b"\xed\xa0\x80"),
    b"\xef\xbb\xbf",
    *(b"\xe2\x80\xae", b"--", b"\n--", b"--\n", b"=", b"=3D", b"=\n", b"=?utf-8?b?", b"?="),
    b"=?x?q?",
    *(b'"', b"\\", b"<", b">", b"<>", b"(", b")", b"@", b":", b";", b",", b"\t", b"\n ", b"+2AA-"),
    *(b"\x1b$B", b"\x1b(B", b"~{", b"&#xD800;", b"&#0;", b"<!--", b"<pre>", b"begin 644 x\n", b"M"),
    *(b"a@b.example", b"550 5.1.1 ", b"\nAction: failed\n"),
    b"\nFinal-Recipient: rfc822; x@y.example\n",
    *(b"\nStatus: 9.99.999\n", b"\nFeedback-Type: abuse\n", b"\nX-Failed-Recipients: \xff@\x00\n"),
)


def mutate(seed: int, samples: list[bytes]) -> bytes:
    """Return one of the samples with one to five kinds of damage."""
    random = Random(seed)
    raw = random.choice(samples)
    for _ in range(random.randint(1, 5)):
        raw = random.choice(_KINDS)(random, raw, samples)
    return raw


def _insert(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    start = random.randint(0, len(raw))
    times = random.choice((1, 1, 1, 2, 40))
    return raw[:start] + random.choice(_SCRAPS) * times + raw[start + random.choice((0, 0, 1, 9)) :]


def _noise(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    start = random.randint(0, len(raw))
    return raw[:start] + random.randbytes(random.randint(1, 30)) + raw[start:]


def _cut(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    return raw[: random.randint(0, len(raw))]


def _remove(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    start = random.randint(0, len(raw))
    return raw[:start] + raw[start + random.randint(1, 300) :]


def _repeat(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    start = random.randint(0, len(raw))
    piece = raw[start : start + random.randint(1, 300)]
    return raw[:start] + piece * random.randint(2, 6) + raw[start:]


def _splice(random: Random, raw: bytes, samples: list[bytes]) -> bytes:
    other = random.choice(samples)
    return raw[: random.randint(0, len(raw))] + other[random.randint(0, len(other)) :]


def _shuffle(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    lines = raw.split(b"\n")
    one, two = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _line_ends(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    unix = raw.replace(b"\r\n", b"\n")
    end = random.choice((b"\r", b"\r\n", b"\n\r", b"\r\r\n", b"\n \n", b"\x85"))
    return unix.replace(b"\n", end)


def _declare(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    """Say something else of what follows: another type, charset or encoding."""
    start = raw.find(b"\n", random.randint(0, len(raw))) + 1
    field = random.choice(
        (
            b"Content-Type: " + random.choice(_TYPES) + b"; charset=" + random.choice(_CHARSETS),
            b"Content-Transfer-Encoding: " + random.choice(_ENCODINGS),
            b"Subject: =?" + random.choice(_CHARSETS) + b"?b?" + random.randbytes(6) + b"?=",
        )
    )
    return raw[:start] + field + b"\n" + raw[start:]


def _attach(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    """Wrap the mail with a file whose name is a trick, in the old and the RFC 2231 manner."""
    name = random.choice(_NAMES)
    percent = b"".join(b"%%%02X" % byte for byte in name)
    parameter = random.choice(
        (
            b'filename="' + name + b'"',
            b"filename=" + name,
            b"filename*=utf-8''" + percent,
            b"filename*=" + random.choice(_CHARSETS) + b"'x'" + percent,
            b"filename*0*=utf-8''" + percent + b"; filename*1=" + name + b"; filename*3=x",
            b"filename*1=b; filename*0=" + name + b"; filename*99999999999=c",
        )
    )
    content = base64.encodebytes(random.randbytes(random.randint(0, 60)))
    return b"".join(
        (
            b"From: a@b.example\nContent-Type: multipart/mixed; boundary=att\n\n--att\n",
            b"Content-Type: message/rfc822\n\n",
            raw,
            b"\n--att\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n",
            b"Content-Disposition: attachment; " + parameter + b"\n\n",
            content[: random.randint(0, len(content))],
            b"\n--att--\n",
        )
    )


def _nest(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    level = random.choice(
        (
            b"Content-Type: message/rfc822\n\n",
            b"Content-Type: multipart/mixed; boundary=n\n\n--n\n",
            b"Content-Type: multipart/digest; boundary=n\n\n--n\n\n",
        )
    )
    return b"From: a@b.example\n" + level * random.choice((*[1, 2, 5] * 10, 120)) + raw


def _long_line(random: Random, raw: bytes, _: list[bytes]) -> bytes:
    name = random.choice((b"To: ", b"Subject: ", b"X: ", b"References: ", b"Content-Type: "))
    return name + random.choice(_SCRAPS[3:]) * random.choice((100, 100, 2000)) + b"\n" + raw


def _mark(_: Random, raw: bytes, __: list[bytes]) -> bytes:
    return b"\xef\xbb\xbf" + raw


_KINDS: tuple[Callable[[Random, bytes, list[bytes]], bytes], ...] = (
    *(_insert, _noise, _cut, _remove, _repeat, _splice, _shuffle, _line_ends, _declare) * 3,
    *(_attach, _attach, _nest, _long_line, _mark),
)
