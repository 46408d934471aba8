"""Four times the mail costs at most about four times the work, whatever it is made of.

Work is counted in calls of functions, not in seconds: the count is the same on every machine.
"""

import sys
from collections.abc import Callable
from itertools import product
from types import FrameType
from typing import Any

import pytest

from sendook_lite.domain.mail import parse
from sendook_lite.domain.mime import open_mail
from sendook_lite.domain.reports import read_report
from tests.unit.test_mail_never_raises import FIELDS, HEADS, HOSTILE_BODIES

SMALL, TIMES = 4096, 4
SLACK = 1.5
ONCE = 3000  # calls that any mail costs: imports, patterns compiled at first use
MEGABYTE = 1 << 20
DAEMON = b"From: MAILER-DAEMON@a.example\nReturn-Path: <>\nSubject: failure notice\n"
REPORT_BODIES = [
    *(b"<a@b.example>: no\n", b"a@b.example\n", b"Final-Recipient: rfc822; a@b.example\n\n"),
    *(b"Action: failed\n", b"550 5.1.1 a@b.example\n", b"To: a@b.example\nFrom: c\n\n", b"a@b:\n"),
    *(b"(expanded from: <a@b.example>)\n", b"<<< 550\n", b"--- ", b"Feedback-Type: abuse\n\n"),
]


def calls(read: Callable[[bytes], Any], raw: bytes) -> int:
    counted = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read(raw)
    finally:
        sys.setprofile(before)
    return counted


def check(read: Callable[[bytes], Any], head: bytes, piece: bytes) -> None:
    times = SMALL // len(piece)
    small = calls(read, head + piece * times)
    large = calls(read, head + piece * times * TIMES)
    assert large <= small * TIMES * SLACK + ONCE


def report(raw: bytes) -> None:
    read_report(open_mail(raw))


@pytest.mark.parametrize(("head", "piece"), list(product(HEADS, HOSTILE_BODIES)), ids=repr)
def test_the_work_of_reading_a_body_grows_with_it(head: bytes, piece: bytes) -> None:
    check(parse, head + b"\n", piece)


@pytest.mark.parametrize("piece", [*REPORT_BODIES, *HOSTILE_BODIES], ids=repr)
def test_the_work_of_reading_a_report_grows_with_it(piece: bytes) -> None:
    for head in (b"", b"Content-Type: message/delivery-status\n"):
        check(report, DAEMON + head + b"\n", piece)


@pytest.mark.parametrize("name", FIELDS, ids=repr)
def test_a_header_line_of_a_megabyte_is_read_in_bounded_work(name: bytes) -> None:
    raw = name + b": " + b"a@b.example, " * (MEGABYTE // 13) + b"\n\nbody"
    assert calls(parse, raw) < 50_000
    assert calls(report, raw) < 50_000
