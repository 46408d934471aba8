"""The log of a mail server becomes events, each once, whoever is killed meanwhile."""

import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.e2e.server import PROGRAM, Server, wait_until

MAILS = 300
PLACE = "follow-postfix.json"
Follow = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.touch()
    return path


@pytest.fixture
def follow(server: Server, log: Path) -> Iterator[Follow]:
    """Start a process that follows the log of a test; what runs at the end is killed."""
    with ExitStack() as stack:

        def start() -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [PROGRAM, "follow", "postfix", "--file", str(log), "--from-start"],
                cwd=log.parent,
                env={**server.environment, "SENDOOK_SERVER__DATA_DIR": str(server.data_dir)},
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


def mail(number: int) -> list[str]:
    begin = f"2026-11-25T10:{number // 60 % 60:02d}:{number % 60:02d}+00:00 mx postfix"
    identity = f"4Xk{number:06d}"
    return [
        f"{begin}/cleanup[1]: {identity}: message-id=<{number}@a.example>\n",
        f"{begin}/qmgr[1]: {identity}: from=<ann@a.example>, size=1, nrcpt=1 (queue active)\n",
        (
            f"{begin}/smtp[1]: {identity}: to=<{number}@c.example>, relay=mx.c[192.0.2.1]:25,"
            " delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 ok)\n"
        ),
        f"{begin}/qmgr[1]: {identity}: removed\n",
    ]


def reported(server: Server) -> list[str]:
    events = server.call("GET", "/v1/events?type=message.delivered&limit=500")
    return [event["payload"]["to"][0] for event in events]


def told_more_than(server: Server, count: int) -> bool:
    return len(reported(server)) > count


def test_every_delivery_is_told_once_over_kills_rotations_and_restarts(
    server: Server, follow: Follow, log: Path
) -> None:
    randomness = random.Random(4)
    process = follow()
    wait_until((server.data_dir / PLACE).exists)
    lines = [line for number in range(MAILS) for line in mail(number)]

    def write_some() -> None:
        """Write on; mails are torn apart between the lives of the process."""
        size = randomness.randint(8, 100)
        with log.open("a") as file:
            file.writelines(lines[:size])
        del lines[:size]

    for number in count():
        if not lines:
            break
        write_some()
        match number % 5:
            case 0:
                process.kill()
                process.wait()
                process = follow()
            case 1:
                log.rename(log.with_name(f"mail.log.{number}"))
                log.touch()
            case 2:
                # The second block is told within a second after the place of the first was saved.
                for _ in range(2):
                    seen = len(reported(server))
                    write_some()
                    wait_until(partial(told_more_than, server, seen))
                process.kill()
                process.wait()
                process = follow()
            case 3:
                server.kill()
                server.start()
            case _:
                pass
    wait_until(lambda: len(set(reported(server))) == MAILS)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert sorted(reported(server)) == sorted(f"{number}@c.example" for number in range(MAILS))


def test_the_place_is_remembered_and_it_ends_when_it_is_asked_to(
    server: Server, follow: Follow, log: Path
) -> None:
    with log.open("a") as file:
        file.writelines(mail(1)[:3])
    process = follow()
    place = server.data_dir / PLACE
    wait_until(lambda: place.exists() and f'"offset":{log.stat().st_size},' in place.read_text())
    assert "1@a.example" in place.read_text()  # it is still in the queue
    assert len(reported(server)) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
