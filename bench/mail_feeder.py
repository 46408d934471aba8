"""Hands mails over by LMTP: some connections, on each one mail after the other."""

import select
import socket
import time
from collections.abc import Generator
from itertools import count

from bench.sample_mail import mails

SENDER = "ann@sender.example"
_READ = 1 << 16

_Talk = Generator[bytes, bytes, None]


class MailFeeder:
    """Some connections to an LMTP socket, kept open from one round to the next.

    Args:
        path: of the socket.
        recipient: of all mails.
        connections: how many there are.
    """

    def __init__(self, path: str, recipient: str, connections: int) -> None:
        self._recipient = recipient
        self._mails = mails(count())
        self._sockets = [_connect(path) for _ in range(connections)]

    def feed(self, seconds: float) -> float:
        """Hand over mails for so many seconds; returns how many per second were taken."""
        begun = time.monotonic()
        end = begun + seconds
        poll = select.epoll()
        talks = {}
        for each in self._sockets:
            talks[each.fileno()] = (each, self._talk(end))
            poll.register(each, select.EPOLLIN)
        self._taken = 0
        for each, talk in talks.values():
            each.sendall(next(talk))
        while talks:
            for number, _ in poll.poll():
                each, talk = talks[number]
                try:
                    each.sendall(talk.send(each.recv(_READ)))
                except StopIteration:
                    poll.unregister(each)
                    del talks[number]
        poll.close()
        return self._taken / (time.monotonic() - begun)

    def _talk(self, end: float) -> _Talk:
        """Say what a client says, a command at a time, and wait for the reply to each."""
        while time.monotonic() < end:
            _expect(b"250", (yield f"MAIL FROM:<{SENDER}>\r\n".encode()))
            _expect(b"250", (yield f"RCPT TO:<{self._recipient}>\r\n".encode()))
            _expect(b"354", (yield b"DATA\r\n"))
            _expect(b"250", (yield next(self._mails)))
            self._taken += 1

    def close(self) -> None:
        """Close the connections."""
        for each in self._sockets:
            each.close()


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    _expect(b"220", connection.recv(_READ))
    connection.sendall(b"LHLO feeder.example\r\n")
    reply = connection.recv(_READ)
    while not (reply.endswith(b"\r\n") and reply.splitlines()[-1].startswith(b"250 ")):
        reply += connection.recv(_READ)
    return connection


def _expect(code: bytes, reply: bytes) -> None:
    if not reply.startswith(code) or not reply.endswith(b"\r\n"):
        raise RuntimeError(f"expected {code!r}, was answered {reply!r}")
