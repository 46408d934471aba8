"""From what a caller asks for to a mail that can be composed."""

from dataclasses import dataclass, replace

from sendook_lite.domain.compose import Draft, File
from sendook_lite.domain.mail import Mail
from sendook_lite.domain.model import Inbox, Message
from sendook_lite.domain.replying import reply_references


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks to be sent, fields judged one by one."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[File, ...] = ()
    thread_id: str | None = None
    in_reply_to: str | None = None
    reply_to: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    reply_all: bool = False


def draft_of(inbox: Inbox, wanted: Wanted) -> Draft:
    """Return what is to be sent, as far as the request alone tells."""
    return Draft(
        from_address=inbox.email,
        from_name=inbox.name,
        to=wanted.to,
        cc=wanted.cc,
        bcc=wanted.bcc,
        subject=wanted.subject,
        text=wanted.text,
        html=wanted.html,
        attachments=wanted.attachments,
        reply_to=wanted.reply_to,
        headers=wanted.headers,
    )


def referring(draft: Draft, original: Message, mail: Mail) -> Draft:
    """Let a mail refer to the one it follows."""
    references = reply_references(mail, original.external_message_id)
    answered = original.external_message_id
    return replace(
        draft,
        in_reply_to=answered if answered in references else None,
        references=references,
    )
