"""Fuzz target: the MIME reader and everything that is said about a mail."""

from collections.abc import Iterator

from tests.fuzz.mails import mails
from tests.invariants import check_mail


def corpus() -> Iterator[bytes]:
    """Start from the samples of ordinary mail."""
    yield from mails("mail")


def one(data: bytes) -> None:
    """Read a mail."""
    check_mail(data)
