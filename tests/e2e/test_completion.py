"""The shell completes commands and options, and is told how by the program."""

import os
import subprocess

import pytest

from tests.e2e.server import PROGRAM


def complete(shell: str, line: str = "") -> str:
    words = line.split(" ")
    done = subprocess.run(
        [PROGRAM],
        env={
            "PATH": os.environ["PATH"],
            "_SENDOOK_LITE_COMPLETE": f"{shell}_{'complete' if line else 'source'}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1) if shell != "fish" else words[-1],
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish", "bash"])
def test_the_program_prints_what_a_shell_needs(shell: str) -> None:
    assert "_SENDOOK_LITE_COMPLETE" in complete(shell)


def test_commands_are_completed_at_every_depth() -> None:
    assert "plain,webhooks" in complete("bash", "sendook-lite web")
    found = complete("bash", "sendook-lite webhooks re").split()
    assert {"plain,replay", "plain,replays"} <= set(found)
    assert "plain,--since" in complete("bash", "sendook-lite webhooks replay --si").split()
