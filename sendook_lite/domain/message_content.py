"""What of a mail that was read is kept with its message."""

from base64 import b64encode

from sendook_lite.domain.ids import Ids
from sendook_lite.domain.mail import Attachment, Mail
from sendook_lite.domain.model import AttachmentInfo, MessageContent


def content_of(
    mail: Mail, *, recipient: str, sender: str | None, inline_limit: int, ids: Ids
) -> MessageContent:
    """Turn a received mail into the content of a message.

    Args:
        mail: what was read.
        recipient: the address of the inbox; stands first among the recipients.
        sender: the envelope sender; None or empty is the null sender, a mail no one wrote by hand.
        inline_limit: bytes up to which all attachments together are kept beside the message.
        ids: mints the ids of attachments.
    """
    others = tuple(address for address in mail.to if address.casefold() != recipient.casefold())
    inline = sum(each.size for each in mail.attachments) <= inline_limit
    return MessageContent(
        from_address=mail.from_address or sender or "",
        from_name=mail.from_name,
        envelope_from=sender or None,
        to=(recipient, *others),
        cc=mail.cc,
        reply_to=mail.reply_to[0] if mail.reply_to else None,
        subject=mail.subject,
        text=mail.text,
        full_text=mail.full_text,
        html=mail.html,
        attachments=tuple(_info(each, ids, inline=inline) for each in mail.attachments),
        headers=mail.headers,
        date=mail.date,
        auto_submitted=mail.auto_submitted or not sender,
        spam=mail.spam,
        authentication=mail.authentication,
        parse_error=mail.parse_error,
    )


def _info(attachment: Attachment, ids: Ids, *, inline: bool) -> AttachmentInfo:
    return AttachmentInfo(
        id=ids.new("att"),
        name=attachment.name,
        content_type=attachment.content_type,
        size=attachment.size,
        part=attachment.part,
        content_id=attachment.content_id,
        content=b64encode(attachment.content).decode() if inline else None,
    )
