"""The far ends of the commands: small servers on Unix sockets that answer what a test says."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK = "250 2.0.0 ok"
LHLO = "250-here\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000\r\n250 SMTPUTF8"
HANG_UP = "hang up"
SILENCE = "silence"


@contextmanager
def listening(path: Path, serve: Callable[[socket.socket], None]) -> Iterator[Path]:
    """Serve one connection after the other on a Unix socket."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield path
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive()


@dataclass
class LmtpResponder:
    """Speaks the server's side of LMTP from a script; remembers what it was told."""

    greeting: str = "220 here"
    lhlo: str = LHLO
    sender: str = OK
    recipients: dict[str, str] = field(default_factory=dict)
    data: str = "354 go ahead"
    contents: tuple[str, ...] = ()
    commands: list[str] = field(default_factory=list)
    content: bytes = b""
    release: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        accepted = 0
        if not self._say(connection, self.greeting):
            return
        while line := lines.readline():
            command = line.decode().rstrip("\r\n")
            self.commands.append(command)
            reply = self._reply(command)
            accepted += command.startswith("RCPT") and reply.startswith("2")
            if not self._say(connection, reply):
                return
            if reply.startswith("354"):
                self._read_content(lines)
                own = [*self.contents, *[OK] * accepted][:accepted]
                if not all(self._say(connection, each) for each in own):
                    return

    def _reply(self, command: str) -> str:
        address = command.partition("<")[2].partition(">")[0]
        replies = {
            "LHLO": self.lhlo,
            "MAIL": self.sender,
            "RCPT": self.recipients.get(address, OK),
            "DATA": self.data,
        }
        return replies.get(command.split(maxsplit=1)[0], "221 bye")

    def _read_content(self, lines: Any) -> None:
        content = []
        for line in lines:
            content.append(line)
            if line == b".\r\n":
                break
        self.content = b"".join(content)

    def _say(self, connection: socket.socket, reply: str) -> bool:
        """Say a reply; False when the conversation is to end here."""
        if reply == SILENCE:
            self.release.wait(30)
        if reply in (HANG_UP, SILENCE):
            return False
        connection.sendall(reply.encode() + b"\r\n")
        return True


@dataclass
class EventResponder:
    """Answers every line with what ``judge`` says; None ends the connection."""

    judge: Callable[[bytes], dict[str, Any] | bytes | None] = lambda _: {"ok": True}
    lines: list[bytes] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                self.lines.append(line)
                answer = self.judge(line)
                if answer is None:
                    return
                said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                connection.sendall(said + b"\n")
