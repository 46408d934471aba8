"""The same report in another dress names the same recipients.

Programs differ in how they write the same thing down: HTML, other line ends and encodings, types
that are wrong, blank lines lost or doubled. Each sample goes through all of them.
"""

import base64
import html
import re
from collections.abc import Callable

import pytest

from sendook_lite.domain.mime import open_mail, part_text
from sendook_lite.domain.reports import read_report
from tests.packs import Sample
from tests.unit.test_report_packs import SAMPLES

MOST_MISSED = 0.03
"""Those that only the header of the returned mail names are lost when its lines are torn apart."""
REPORTS = [one for one in SAMPLES if one.kind == "delivery" and one.recipients]
PLAIN = [one for one in REPORTS if b"boundary" not in one.raw]
MACHINE = [
    one
    for one in REPORTS
    if re.search(rb"\n\nReporting-MTA: [^\n]+\n", one.raw) and b"multipart/digest" not in one.raw
]
Dress = Callable[[bytes], bytes]


def text(raw: bytes) -> str:
    return part_text(open_mail(raw))


def again(raw: bytes, fields: bytes, body: str) -> bytes:
    """Write the mail with another body, without the header fields of MIME."""
    header = re.sub(rb"\n[ \t]+", b" ", raw.partition(b"\n\n")[0])
    kept = [line for line in header.split(b"\n") if not line.lower().startswith(b"content-")]
    return b"\n".join([*kept, fields, b"", body.encode()])


def as_html(raw: bytes, before: str, after: str) -> bytes:
    lines = (f"{before}{html.escape(line)}{after}" for line in text(raw).split("\n"))
    return again(raw, b"Content-Type: text/html; charset=utf-8", "".join(lines))


def as_plain(raw: bytes, body: str) -> bytes:
    return again(raw, b"Content-Type: text/plain; charset=utf-8", body)


PLAIN_DRESSES: dict[str, Dress] = {
    "crlf": lambda raw: raw.replace(b"\n", b"\r\n"),
    "cr": lambda raw: raw.replace(b"\n", b"\r"),
    "breaks": lambda raw: as_html(raw, "", "<br>"),
    "paragraphs": lambda raw: as_html(raw, "<p>", "</p>"),
    "rows": lambda raw: as_html(raw, "<tr><td>", "</td></tr>"),
    "base64": lambda raw: again(
        raw,
        b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64",
        base64.encodebytes(text(raw).encode()).decode(),
    ),
    "no type": lambda raw: again(raw, b"X: y", text(raw)),
    "indented": lambda raw: as_plain(raw, re.sub(r"(?m)^", "    ", text(raw))),
    "doubled": lambda raw: as_plain(raw, text(raw).replace("\n", "\n\n")),
    "intro": lambda raw: as_plain(
        raw, f"An automatic message. Questions? Write to help@provider.example.\n\n{text(raw)}"
    ),
    "footer": lambda raw: as_plain(raw, f"{text(raw)}\n-- \nContact help@provider.example.\n"),
}


def status(raw: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change the status part."""
    return re.sub(rb"(?s)\n\n(Reporting-MTA: .*?)(?=\n--)", lambda m: b"\n\n" + change(m[1]), raw)


MACHINE_DRESSES: dict[str, Dress] = {
    "crlf": lambda raw: raw.replace(b"\n", b"\r\n"),
    "text/plain": lambda raw: raw.replace(b"message/delivery-status", b"text/plain"),
    "octets": lambda raw: raw.replace(b"message/delivery-status", b"application/octet-stream"),
    "mixed": lambda raw: raw.replace(b"multipart/report", b"multipart/mixed", 1),
    "no outer type": lambda raw: re.sub(
        rb"(?m)^Content-Type: multipart/report.*\n(?:[ \t].*\n)*", b"", raw, count=1
    ),
    "no end": lambda raw: re.sub(rb"\n--[^\n]*--\n*\Z", b"\n", raw),
    "false base64": lambda raw: status(raw, base64.encodebytes),
    "tabs": lambda raw: status(raw, lambda part: part.replace(b"\n", b"\n\t")),
    "run together": lambda raw: status(raw, lambda part: re.sub(rb"\n+", b"\n", part)),
    "torn apart": lambda raw: status(raw, lambda part: part.replace(b"\n", b"\n\n")),
    "folded": lambda raw: status(
        raw, lambda part: re.sub(rb"(?i)(final-recipient:)", rb"\1\n   ", part)
    ),
    "upper case": lambda raw: status(raw, bytes.upper),
    "brackets": lambda raw: status(
        raw,
        lambda part: re.sub(rb"(?i)(final-recipient: *[a-z0-9-]+;) *(\S+@\S+)", rb"\1<\2>", part),
    ),
}


def missed(samples: list[Sample], dress: Dress) -> float:
    """Return the share of recipients not found or not judged right; others found count too."""
    wrong = total = 0
    for sample in samples:
        report = read_report(open_mail(dress(sample.raw)))
        found = {(one.recipient.lower(), one.action) for one in report.recipients}
        expected = {(one.address.lower(), one.action) for one in sample.recipients}
        total += len(expected)
        wrong += len(found ^ expected)
    return wrong / total


@pytest.mark.parametrize("dress", PLAIN_DRESSES)
def test_a_notice_in_another_dress_names_the_same(dress: str) -> None:
    assert len(PLAIN) >= 80
    assert missed(PLAIN, PLAIN_DRESSES[dress]) <= MOST_MISSED


@pytest.mark.parametrize("dress", MACHINE_DRESSES)
def test_a_status_part_in_another_dress_names_the_same(dress: str) -> None:
    assert len(MACHINE) >= 40
    assert missed(MACHINE, MACHINE_DRESSES[dress]) <= MOST_MISSED


def test_the_cells_of_a_table_stay_apart() -> None:
    raw = (
        b"From: MAILER-DAEMON@x.example\nSubject: Undelivered mail\nContent-Type: text/html\n\n"
        b"<tr><td>Recipient</td><td>a@b.example</td><td>550 5.1.1 unknown user</td></tr>"
    )
    assert [one.recipient for one in read_report(open_mail(raw)).recipients] == ["a@b.example"]
