"""A mail as it is read before any transaction: its bytes, their hash and what is in them."""

import asyncio
from dataclasses import dataclass, replace

from sendook_lite.domain.mail import Mail, parse
from sendook_lite.domain.reports import Report
from sendook_lite.store import blobs
from sendook_lite.usecases import report_mail

OFF_THE_LOOP = 64 * 1024
"""Mail longer than this is parsed and stored by threads, so that others are not kept waiting."""


@dataclass(frozen=True, slots=True)
class PreparedMail:
    """A mail read and hashed.

    ``report`` is what it reports; read only when it comes to an address for reports.
    """

    raw: bytes
    digest: bytes
    mail: Mail
    report: Report | None = None

    @property
    def large(self) -> bool:
        """Whether the event loop should not be kept busy with it."""
        return len(self.raw) > OFF_THE_LOOP

    @property
    def as_report(self) -> Report:
        """What it reports, read now if that was not done before."""
        return self.report or report_mail.read(self.raw)

    async def with_report(self) -> "PreparedMail":
        """Return it with what it reports; on a thread, where what reads reports is loaded too."""
        return replace(self, report=await asyncio.to_thread(report_mail.read, self.raw))


async def prepare(raw: bytes) -> PreparedMail:
    """Read a mail; never fails on its content."""
    return await asyncio.to_thread(read, raw) if len(raw) > OFF_THE_LOOP else read(raw)


def read(raw: bytes) -> PreparedMail:
    """Read a mail here and now, however long it takes."""
    return PreparedMail(raw, blobs.digest(raw), parse(raw))
