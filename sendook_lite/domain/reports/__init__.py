"""Reading delivery reports (bounces) and abuse reports out of a mail.

``read_report`` takes a parsed mail and says what it reports. Machine-readable parts (RFC 3464,
RFC 5965) are believed wherever they stand; a report written for people only is believed when
enough evidence says that a mail server wrote it.
"""

from sendook_lite.domain.reports.model import Report, ReportedRecipient, as_json
from sendook_lite.domain.reports.reader import read_report

__all__ = ["Report", "ReportedRecipient", "as_json", "read_report"]
