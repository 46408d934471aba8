"""A client for LMTP (RFC 2033): one mail, any number of recipients, one reply for each.

``smtplib.LMTP`` reads a single reply after the final dot and so takes the fate of the first
recipient for that of all.
"""

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Self

_MAX_LINE = 8192
_MAX_LINES = 1000
_OK = 250
_GO_AHEAD = 354
_SERVICE_ENDS = 421


class Phase(Enum):
    """Which question a reply answers."""

    SESSION = "session"
    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said. ``text`` is one line, without the code."""

    code: int
    text: str

    @property
    def positive(self) -> bool:
        """Whether it is a yes."""
        return self.code // 100 == 2  # noqa: PLR2004 - RFC 5321, section 4.2.1


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the mail for one recipient."""

    recipient: str
    reply: Reply
    phase: Phase

    @property
    def stored(self) -> bool:
        """Whether the server has taken the mail for this recipient."""
        return self.phase is Phase.CONTENT and self.reply.positive

    @property
    def temporary(self) -> bool:
        """Whether it may work later. What goes wrong with the session says nothing of the mail."""
        return not self.stored and (self.phase is Phase.SESSION or self.reply.code < 500)  # noqa: PLR2004 - RFC 5321, section 4.2.1


class _ConnectionLostError(Exception):
    """The conversation cannot go on; the message says why."""


class LmtpClient:
    """One conversation over a connected socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._replies = connected.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self._socket.close()

    def deliver(
        self, sender: str, recipients: Sequence[str], content: Iterable[bytes], size: int | None
    ) -> list[Result]:
        """Hand in one mail; returns one result per recipient, in their order.

        Args:
            sender: the envelope sender; '' is the null sender.
            recipients: envelope recipients, each once.
            content: the mail as SMTP DATA, final dot included; what raises here ends the
                conversation before the dot, so that the server throws away what it got.
            size: about how many bytes that is; None when not known.
        """
        results: dict[str, Result] = {}
        try:
            self._converse(sender, recipients, content, size, results)
        except (_ConnectionLostError, OSError) as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            lost = Reply(_SERVICE_ENDS, f"the conversation broke off: {reason}")
            for recipient in recipients:
                results.setdefault(recipient, Result(recipient, lost, Phase.SESSION))
        return [results[recipient] for recipient in recipients]

    def _converse(
        self,
        sender: str,
        recipients: Sequence[str],
        content: Iterable[bytes],
        size: int | None,
        results: dict[str, Result],
    ) -> None:
        def refuse_all(reply: Reply, phase: Phase) -> None:
            for recipient in recipients:
                results.setdefault(recipient, Result(recipient, reply, phase))

        reply, _ = self._read_reply()
        if reply.positive:
            reply, offered = self._ask("LHLO localhost")
        if not reply.positive:
            return refuse_all(reply, Phase.SESSION)
        reply, _ = self._ask(
            f"MAIL FROM:<{sender}>{_parameters(offered, sender, recipients, size)}"
        )
        if not reply.positive:
            return refuse_all(reply, Phase.SENDER)
        accepted = []
        for recipient in recipients:
            reply, _ = self._ask(f"RCPT TO:<{recipient}>")
            if reply.positive:
                accepted.append(recipient)
            else:
                results[recipient] = Result(recipient, reply, Phase.RECIPIENT)
        if accepted:
            self._send_content(accepted, content, results)
        return self._quit()

    def _send_content(
        self, accepted: Sequence[str], content: Iterable[bytes], results: dict[str, Result]
    ) -> None:
        reply, _ = self._ask("DATA")
        if reply.code != _GO_AHEAD:
            for recipient in accepted:
                results[recipient] = Result(recipient, reply, Phase.CONTENT)
            return
        for chunk in content:
            try:
                self._socket.sendall(chunk)
            except TimeoutError:
                raise
            except OSError:
                break  # A server that hangs up early may have said why: the replies tell.
        for recipient in accepted:
            reply, _ = self._read_reply()
            results[recipient] = Result(recipient, reply, Phase.CONTENT)

    def _quit(self) -> None:
        try:
            self._socket.sendall(b"QUIT\r\n")
        except OSError:
            return  # All is said already.

    def _ask(self, command: str) -> tuple[Reply, list[str]]:
        self._socket.sendall(command.encode() + b"\r\n")
        return self._read_reply()

    def _read_reply(self) -> tuple[Reply, list[str]]:
        """Read one reply; returns it and its lines (RFC 5321, section 4.2)."""
        lines: list[str] = []
        while len(lines) < _MAX_LINES:
            line = self._replies.readline(_MAX_LINE)
            if not line:
                raise _ConnectionLostError("the server hung up")
            code, mark, text = line[:3], line[3:4], line[4:]
            if not code.isdigit() or mark not in (b" ", b"-", b"\r", b"\n"):
                raise _ConnectionLostError("the server does not speak LMTP")
            lines.append(text.decode("utf-8", "replace").strip())
            if mark != b"-":
                return Reply(int(code), " ".join(filter(None, lines))), lines
        raise _ConnectionLostError("the server's reply has no end")


def _parameters(
    offered: Sequence[str], sender: str, recipients: Sequence[str], size: int | None
) -> str:
    """Return the parameters of MAIL, of those extensions that the server offers."""
    extensions = {line.split()[0].upper() for line in offered if line}
    parameters = ""
    if "8BITMIME" in extensions:
        parameters += " BODY=8BITMIME"
    if size is not None and "SIZE" in extensions:
        parameters += f" SIZE={size}"
    if "SMTPUTF8" in extensions and not all(map(str.isascii, (sender, *recipients))):
        parameters += " SMTPUTF8"
    return parameters
