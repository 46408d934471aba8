"""The rules of a reply: to whom it goes, what its subject is, which mails it refers to. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from sendook_lite.domain.addresses import is_plausible, normalise
from sendook_lite.domain.mail import Mail
from sendook_lite.domain.model import Message

_RE: Final = re.compile(r"\s*re\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def reply_subject(subject: str) -> str:
    """Return the subject of a reply: ``Re: `` is put before it unless it is there."""
    line = _BREAKS.sub(" ", subject).strip()
    return line if _RE.match(line) else f"Re: {line}".strip()


def reply_recipients(
    original: Message, mail: Mail, own: str, *, everybody: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return whom a reply goes to, and who gets a copy; both may be empty.

    To Reply-To, else From; to the recipients of the original when that is ours.

    Args:
        original: the message that is replied to.
        mail: the same, as read from its bytes.
        own: the address that replies; it gets no copy.
        everybody: the other recipients of the original get a copy, too; its bcc never does.
    """
    if original.direction == "outbound":
        to = original.content.to
        others: Iterable[str] = original.content.cc if everybody else ()
    else:
        to = mail.reply_to or tuple(filter(None, (mail.from_address,)))
        others = (*original.content.to, *mail.to, *mail.cc) if everybody else ()
    first = _distinct(to, ())
    copies = _distinct(others, (*first, own))
    return first, copies


def reply_references(mail: Mail, message_id: str | None) -> tuple[str, ...]:
    """Return what a reply refers to (RFC 5322, section 3.6.4), the original last."""
    earlier = mail.references or mail.in_reply_to[:1]
    chain = (*earlier, *filter(None, (message_id,)))
    return tuple(dict.fromkeys(each for each in chain if is_message_id(each)))


_MESSAGE_ID: Final = re.compile(r"[!-;=?-~]{1,250}")


def is_message_id(text: str) -> bool:
    """Say whether this can stand between angle brackets in a header of ours."""
    return _MESSAGE_ID.fullmatch(text) is not None


def _distinct(addresses: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return each address once, leaving out those that are known and those that are none."""
    seen = {normalise(each) for each in known}
    found = []
    for each in addresses:
        key = normalise(each)
        if key not in seen and is_plausible(each):
            seen.add(key)
            found.append(each)
    return tuple(found)
