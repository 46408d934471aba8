"""The five minutes of the README, as it prints them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory with a short name: those of local sockets hold 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="sendook-") as directory:
        yield Path(directory)


def test_the_first_webhook_arrives_with_the_commands_of_the_readme(home: Path) -> None:
    first = next(block.text for block in blocks("sh") if block.page == "README.md")
    assert "\nmake serve " in first
    # What `make serve` does after installing; the rest is run as it is printed.
    planned = subprocess.run(
        # Told so, make says nothing of directories, as it would when make runs the tests.
        ["make", "--no-print-directory", "-n", "serve"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    serve = planned.stdout.strip().splitlines()[-1]
    assert serve == ".venv/bin/sendook-lite serve --dev"
    clone = home / "sendook-lite"
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/sendook-lite").symlink_to(Path(sys.executable).with_name("sendook-lite"))
    unshare = shutil.which("unshare")
    assert unshare is not None, "util-linux is needed for a network of the test's own"
    done = subprocess.run(
        [
            unshare,
            "--map-root-user",
            "--net",
            sys.executable,
            "-m",
            "tests.docs.quick_start",
            serve,
        ],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["exit"] == 0, seen["errors"]
    assert '"email":"support@localhost.test"' in seen["answers"].replace(" ", "")
    assert "whsec_" in seen["answers"]
    assert "message.received" in seen["received"]
    assert seen["left"] == [".venv", "sendook_data"]
