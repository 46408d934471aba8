"""Reading delivery reports (bounces) and abuse reports out of a mail.

``read_report`` takes a parsed mail and says what it reports. Machine-readable parts (RFC 3464,
RFC 5965) are believed wherever they stand; a report written for people only is believed when
enough evidence says that a mail server wrote it.

What reads them is loaded with the first one: its patterns take a fifth of the time of a start.
"""

from email.message import Message

from sendook_lite.domain.reports.model import Report, ReportedRecipient, as_json

__all__ = ["Report", "ReportedRecipient", "as_json", "read_report"]


def read_report(message: Message) -> Report:
    """Say what a mail reports; never raises.

    Args:
        message: any mail; parsed by `sendook_lite.domain.mime.open_mail` or by the standard
            library under compat32.
    """
    from sendook_lite.domain.reports.reader import read  # noqa: PLC0415

    return read(message)
