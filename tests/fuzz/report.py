"""Fuzz target: the reader of delivery reports and abuse reports."""

from collections.abc import Iterator

from tests.fuzz.mails import mails
from tests.invariants import check_report


def corpus() -> Iterator[bytes]:
    """Start from the samples of reports."""
    yield from mails("reports")


def one(data: bytes) -> None:
    """Read what a mail reports."""
    check_report(data)
