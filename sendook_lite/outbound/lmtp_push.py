"""Hands one mail to our own LMTP door, the way the mail server does: to see that it works."""

import asyncio
from typing import Final

from sendook_lite.domain.errors import Unavailable

TIMEOUT: Final = 10.0


async def push(address: str, recipient: str, mail: bytes) -> tuple[int, str]:
    """Hand in a mail for one recipient; returns the reply after the final dot: code and text.

    ``address`` is the path of a unix socket, or ``host:port``.

    Raises:
        Unavailable: nobody answers there, or not in time.
    """
    return await asyncio.to_thread(_push, address, recipient, mail)


def _push(address: str, recipient: str, mail: bytes) -> tuple[int, str]:
    import smtplib  # noqa: PLC0415 - its LMTP reads one reply, which is right for one recipient

    try:
        if address.startswith("/"):
            client = smtplib.LMTP(address)
        else:
            host, _, port = address.rpartition(":")
            client = smtplib.LMTP(host.strip("[]"), int(port))
        with client:
            if client.sock is not None:
                client.sock.settimeout(TIMEOUT)
            client.ehlo_or_helo_if_needed()
            code, reply = client.mail("")
            if code // 100 == 2:  # noqa: PLR2004 - RFC 5321, section 4.2.1
                code, reply = client.rcpt(recipient)
            if code // 100 == 2:  # noqa: PLR2004
                code, reply = client.data(mail)
    except smtplib.SMTPDataError as error:
        return error.smtp_code, _text(error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable("lmtp_unavailable", f"The LMTP door does not answer: {error}") from error
    return code, _text(reply)


def _text(reply: bytes | str) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else reply
