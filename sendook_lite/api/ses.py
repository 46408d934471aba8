"""``POST /ses``: where Amazon SNS brings the notifications of SES. No key: each is signed."""

from typing import Final

from sendook_lite.api.bodies import parse_object, read_bytes
from sendook_lite.api.call import Answer, Call
from sendook_lite.domain.errors import Forbidden, TooLarge

MAX_NOTIFICATION_BYTES: Final = 1024 * 1024
"""SNS sends 256 KiB at most; written as text within JSON it may be some times as long."""


async def take_notification(call: Call[None, None]) -> Answer:
    """Take one message; 200 once it is on disk, 503 asks SNS to come again."""
    if call.context.ses is None:
        raise Forbidden("no topic is named in ses.topic_arns", "foreign_topic")
    length = call.request.content_length
    if length is None or length > MAX_NOTIFICATION_BYTES:
        raise TooLarge(
            "body_too_large", f"The body must have a length, of at most {MAX_NOTIFICATION_BYTES}"
        )
    # Whatever content type it claims: SNS says text/plain.
    await call.context.ses.take(parse_object(await read_bytes(call.request)))
    return {"received": True}
