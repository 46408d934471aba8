"""The short soak: two minutes of the clock under load; ``make chaos`` has the hour."""

import subprocess
import sys

import pytest


@pytest.mark.timeout(300)
def test_load_and_broken_endpoints_leave_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--minutes", "2"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    with capsys.disabled():
        print(f"\n{done.stdout}")
    assert done.returncode == 0, done.stdout + done.stderr
