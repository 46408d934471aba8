"""Runs commands in this process (quick) or as processes (true)."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from sendook_lite.cli import run
from tests.cli.responders import EventResponder, LmtpResponder, listening

PYTHON = (sys.executable, "-m", "sendook_lite.cli")


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without settings."""
    for name in [each for each in os.environ if each.startswith("SENDOOK_") or each == "SENDER"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(here: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process, standard input aside."""
    assert here.is_dir()

    def execute(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(each) for each in arguments])
        return Outcome(code, *capsys.readouterr())

    return execute


@pytest.fixture
def process(here: Path) -> Callable[..., Outcome]:
    """Run a command as a process of its own."""

    def execute(*arguments: object, stdin: bytes = b"", **environment: str) -> Outcome:
        ended = subprocess.run(
            [*PYTHON, *map(str, arguments)],
            cwd=here,
            env={**os.environ, **environment},
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Outcome(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return execute


@pytest.fixture
def lmtp(here: Path) -> Iterator[Callable[..., LmtpResponder]]:
    """Start an LMTP server on lmtp.sock, where the settings' defaults look for it."""
    with ExitStack() as stack:

        def start(**script: object) -> LmtpResponder:
            responder = LmtpResponder(**script)  # type: ignore[arg-type]  # a test's keywords
            (here / "sendook_data").mkdir()
            stack.enter_context(listening(here / "sendook_data" / "lmtp.sock", responder.serve))
            stack.callback(responder.release.set)
            return responder

        yield start


@pytest.fixture
def events(here: Path) -> Iterator[Callable[..., EventResponder]]:
    """Start an event socket on events.sock, where the settings' defaults look for it."""
    with ExitStack() as stack:

        def start(**script: object) -> EventResponder:
            responder = EventResponder(**script)  # type: ignore[arg-type]  # a test's keywords
            (here / "sendook_data").mkdir()
            stack.enter_context(listening(here / "sendook_data" / "events.sock", responder.serve))
            return responder

        yield start
