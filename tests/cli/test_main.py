import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sendook_lite import __version__
from sendook_lite.cli import COMMANDS, root, run
from sendook_lite.cli.failure import Failed
from sendook_lite.domain.errors import SendookError
from sendook_lite.settings_layers import BadSettings
from tests.cli.conftest import PYTHON, Command, Outcome

HEAVY = ("aiohttp", "aiosmtpd", "asyncio", "http.client", "pydantic", "structlog", "uvloop")


def loaded_by(*arguments: str, cwd: Path) -> set[str]:
    """Run a command and return the names of the modules it imports."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sendook_lite.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    return {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}


@pytest.mark.parametrize("arguments", [("ingest", "-r", "a@b.example", "mail"), ("--help",)])
def test_commands_that_run_often_load_nothing_heavy(here: Path, arguments: tuple[str, ...]) -> None:
    (here / "mail").write_text("Subject: x\n\n")
    loaded = loaded_by(*arguments, cwd=here)
    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_emit_loads_no_server(here: Path) -> None:
    (here / "lines").write_text("{}\n")
    assert not loaded_by("emit", "lines", cwd=here) & (set(HEAVY) - {"asyncio"})


def test_the_list_of_commands_loads_none_of_them(here: Path) -> None:
    loaded = loaded_by("--help", cwd=here)
    assert not [name for name in loaded if name in {"sendook_lite.cli.ingest", "sendook_lite.app"}]


def test_the_help_lists_every_command(command: Command) -> None:
    ended = command("--help")
    assert ended.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says_and_has_help(command: Command, name: str) -> None:
    ended = command(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: sendook-lite {name} ")


def test_the_version_is_the_packages(command: Command) -> None:
    assert command("--version") == Outcome(0, f"sendook-lite, version {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["keys", "nonsense"]])
def test_wrong_use_ends_with_2(command: Command, arguments: list[str]) -> None:
    ended = command(*arguments)
    assert ended.code == 2
    assert "nonsense" in ended.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Failed("no", 7), 7, "sendook-lite: no\n"),
        (BadSettings(["one", "two"]), 2, "sendook-lite: one\ntwo\n"),
        (SendookError("x", "refused"), 1, "sendook-lite: refused\n"),
        (click.ClickException("clicked"), 1, "Error: clicked\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (ZeroDivisionError("secret"), 1, "ZeroDivisionError at tests.cli.test_main:"),
    ],
)
def test_errors_end_with_a_sentence_and_a_code_and_no_trace(
    command: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail() -> None:
        raise error

    broken = click.Command("broken", callback=fail)
    monkeypatch.setattr(root, "get_command", lambda *_: broken)
    ended = command("broken")
    assert ended.code == code
    assert said in ended.err
    assert "secret" not in ended.err
    assert "Traceback" not in ended.err


def test_an_interrupt_is_quiet_and_ends_with_130(here: Path) -> None:
    with subprocess.Popen(
        [*PYTHON, "read"], cwd=here, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        wait_for_wchan(running.pid)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stderr is not None
        assert b"Traceback" not in running.stderr.read()


def wait_for_wchan(pid: int) -> None:
    """Wait until a process has loaded its command and waits for its input."""
    maps = Path(f"/proc/{pid}/maps")
    while b"orjson" not in maps.read_bytes():
        os.sched_yield()
    while Path(f"/proc/{pid}/syscall").read_text().split()[:2] != ["0", "0x0"]:
        os.sched_yield()


@pytest.mark.parametrize("arguments", [["--help"], ["read", "mail"], ["read", "--json", "mail"]])
def test_a_reader_that_has_seen_enough_ends_it_quietly(here: Path, arguments: list[str]) -> None:
    (here / "mail").write_text("Subject: x\n\ny\n")
    read_end, write_end = os.pipe()
    os.close(read_end)
    ended = subprocess.run(
        [*PYTHON, *arguments], cwd=here, stdout=write_end, stderr=subprocess.PIPE, check=False
    )
    os.close(write_end)
    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.parametrize("case", [("1", False), ("", None)])
def test_no_color_is_respected(
    here: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, bool | None]
) -> None:
    value, color = case
    seen: list[bool | None] = []

    def look() -> None:
        seen.append(click.get_current_context().color)

    assert here
    monkeypatch.setenv("NO_COLOR", value)
    monkeypatch.setattr(root, "get_command", lambda *_: click.Command("x", callback=look))
    assert run(["x"]) == 0
    assert seen == [color]


def test_the_module_runs_like_the_program(process: Callable[..., Outcome]) -> None:
    assert process("--version").out == f"sendook-lite, version {__version__}\n"
