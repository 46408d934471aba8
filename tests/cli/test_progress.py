"""Long work on a database tells how far it has come: on a terminal, and nowhere else."""

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sendook_lite.cli.progress import Progress
from sendook_lite.store.database import DATABASE_NAME
from tests.e2e.server import PROGRAM
from tests.fakes import FakeClock
from tests.store.old_database import make_old_database

CLEAR = "\r\x1b[K"


def test_copying_is_told_in_per_cent_and_checking_by_its_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = FakeClock()
    line = Progress("restoring", clock)

    def told(step: Callable[[], object]) -> str:
        step()
        return capsys.readouterr().err.removeprefix("\r")

    assert told(line.going) == "checking, 0 s"
    assert told(lambda: line.pages(1, 4)) == "restoring, 25 %"
    assert told(line.going) == ""
    assert told(lambda: line.pages(4, 4)) == "restoring, 100 %"
    assert told(line.going) == "checking, 0 s"
    clock.elapsed += 2.5
    assert told(line.going) == "checking, 2 s"
    assert told(line.going) == ""


def test_backup_check_and_restore_show_a_line_that_is_gone_at_the_end(tmp_path: Path) -> None:
    make_old_database(tmp_path / DATABASE_NAME, 1)
    environment = {**os.environ, "SENDOOK_SERVER__DATA_DIR": str(tmp_path)}
    for words, told in (
        (["backup", "copy.db"], "copying, 100 %"),
        (["check", "copy.db"], "checking, 0 s"),
        (["restore", "copy.db"], "restoring, 100 %"),
    ):
        screen, inner = pty.openpty()
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=inner,
            check=True,
        )
        os.close(inner)
        seen = os.read(screen, 65536).decode()
        os.close(screen)
        assert f"{CLEAR}{told}{CLEAR}" in seen
        assert seen.endswith(CLEAR)
        assert b"\x1b" not in done.stdout
    quiet = subprocess.run(
        [PROGRAM, "check", "copy.db"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert quiet.stderr == b""
