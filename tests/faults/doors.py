"""Knocks at every door and tells what each answered."""

import json
import smtplib
from dataclasses import dataclass
from itertools import count
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.e2e.server import Server

_numbers = count(1)


@dataclass(frozen=True)
class Answers:
    """What the doors said: LMTP code, ``ok`` of the event socket, status of a POST."""

    lmtp: int
    line: bool
    post: int
    ready: int

    @property
    def all_refused(self) -> bool:
        return (self.lmtp, self.line, self.post, self.ready) == (451, False, 503, 503)

    @property
    def all_accepted(self) -> bool:
        return (self.lmtp, self.line, self.post, self.ready) == (250, True, 201, 200)


def knock(server: Server) -> Answers:
    """Hand in a mail, a line and a request, all of them new, and ask whether it is ready."""
    number = next(_numbers)
    return Answers(
        _mail(server, number), _line(server, number), _post(server, number), ready(server)[0]
    )


def ready(server: Server) -> tuple[int, str]:
    """Return status and text of the readiness."""
    try:
        with urlopen(f"{server.url}/readyz", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except URLError:
        return 0, ""


def _mail(server: Server, number: int) -> int:
    with smtplib.LMTP(str(server.data_dir / "lmtp.sock"), timeout=60) as client:
        try:
            client.sendmail(
                "a@b.example", ["support@localhost.test"], f"Subject: {number}\n\n{'x' * 3000}\n"
            )
        except smtplib.SMTPRecipientsRefused as error:
            return next(iter(error.recipients.values()))[0]
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
    return 250


def _line(server: Server, number: int) -> bool:
    line = {"event": "message.sent", "from": "a@b.example", "recipient": f"{number}@c.example"}
    with server.events_socket() as connection:
        connection.settimeout(60)
        connection.sendall(json.dumps(line).encode() + b"\n")
        with connection.makefile("rb") as answers:
            return bool(json.loads(answers.readline())["ok"])


def _post(server: Server, number: int) -> int:
    try:
        server.call("POST", "/v1/inboxes", {"name": "x", "email": f"x{number}@localhost.test"})
    except HTTPError as error:
        with error:
            return error.code
    return 201
