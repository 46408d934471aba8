"""What goes wrong between us and the relay, in words that tell an operator what to do."""

import socket
import ssl
from typing import Final

import aiosmtplib

from sendook_lite.domain.submission import Reply
from sendook_lite.outbound.relay_address import RelayAddress

BROKEN: Final = (aiosmtplib.SMTPException, OSError, ValueError)
"""Everything that a conversation may end with."""


def explain(error: BaseException, address: RelayAddress, seconds: float) -> str:
    """Say in one sentence what went wrong, without any secret."""
    return f"the relay {address} {_phrase(error, seconds)}"


def reply_of(error: BaseException, address: RelayAddress, seconds: float) -> Reply:
    """Return what the relay said, or, with code 0, why it said nothing."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Reply(error.code, one_line(error.message))
    return Reply(0, explain(error, address, seconds))


def one_line(text: str) -> str:
    """Return a reply of several lines as one."""
    return " ".join(text.split())


def _phrase(error: BaseException, seconds: float) -> str:
    said = one_line(str(error))
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return f"does not accept the user and password of relay.url: {_answer(error)}"
        case aiosmtplib.SMTPResponseException():
            return f"answered {_answer(error)}"
        case aiosmtplib.SMTPServerDisconnected():
            return f"closed the connection: {said}"
        case TimeoutError():
            return f"did not answer within {seconds:g} s"
        case _:
            return _cause(_root(error)) or f"cannot be used: {said or type(error).__name__}"


def _answer(error: aiosmtplib.SMTPResponseException) -> str:
    return f"{error.code} {one_line(error.message)}"


def _cause(error: BaseException) -> str | None:
    match error:
        case ConnectionRefusedError():
            return "refuses connections: is it running, and is the port right?"
        case socket.gaierror():
            return "cannot be found: is its name right?"
        case ssl.SSLCertVerificationError():
            return f"has a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"and we cannot agree on TLS: {one_line(str(error))}"
        case _:
            return None


def _root(error: BaseException) -> BaseException:
    """Return what an error was caused by in the end."""
    seen = {id(error)}
    while True:
        below = error.__cause__ or error.__context__
        if below is None or id(below) in seen:
            return error
        seen.add(id(below))
        error = below
