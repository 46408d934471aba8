"""Finds the conversation a mail belongs to, in whatever order its mails arrive."""

import re

from sendook_lite.domain.mail import Mail
from sendook_lite.store import threads
from sendook_lite.store.tx import Tx

MOVED_AT_ONCE = 200
"""Rows of a thread that move in the unit of work that merges it; the upkeep moves the others."""

_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|fwd?|wg|sv|antw|tr|rv|rif)(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE
)


def place(tx: Tx, inbox_seq: int, mail: Mail) -> tuple[int, str]:
    """Put a mail into its thread; returns the thread's seq and id.

    In-Reply-To is asked first, then References from last to first, then who mentioned this very
    mail before it came (RFC 5322 section 3.6.4). A mail that ties two threads merges the younger
    into the older; every id it mentions leads here from now on.
    """
    own = (mail.message_id,) if mail.message_id else ()
    mentioned = (*mail.in_reply_to, *reversed(mail.references), *own)
    known = threads.find_by_references(tx, inbox_seq, mentioned)
    if known:
        oldest, *younger = sorted(known)
        for seq in younger:
            threads.merge(tx, seq, oldest, MOVED_AT_ONCE)
        thread = (oldest, threads.touch(tx, oldest))
    else:
        thread = threads.insert(tx, inbox_seq, thread_subject(mail.subject))
    threads.remember(tx, inbox_seq, thread[0], mentioned)
    return thread


def join(tx: Tx, inbox_seq: int, thread_id: str, mail: Mail) -> tuple[int, str]:
    """Put a mail into a thread that was named, whatever the mail itself mentions.

    Should the thread be gone meanwhile, the mail finds its place like any other.
    """
    seq = threads.find_in(tx, inbox_seq, thread_id)
    if seq is None:
        return place(tx, inbox_seq, mail)
    own = (mail.message_id,) if mail.message_id else ()
    threads.remember(tx, inbox_seq, seq, (*mail.in_reply_to, *mail.references, *own))
    return seq, threads.touch(tx, seq)


def thread_subject(subject: str) -> str:
    """Return the subject without what replies and forwards put before it."""
    return _PREFIX.sub("", subject).strip()
