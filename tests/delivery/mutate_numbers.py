"""Changes each number of ``numbers.py`` in a copy of the program and sees its test fail.

Run by hand: ``python -m tests.delivery.mutate_numbers [part of a promise]``; some minutes.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.delivery.numbers import NUMBERS, Number

ROOT = Path(__file__).parents[2]
COPIED = ("sendook_lite", "tests", "docs", "contrib", "pyproject.toml", "sendook.example.toml")


def main(wanted: str) -> int:
    """Return how many numbers may be changed without a test that notices."""
    unnoticed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            take = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            take(ROOT / name, copy / name)
        for number in NUMBERS:
            if wanted in number.promise:
                noticed = is_noticed(copy, number)
                unnoticed += not noticed
                print("noticed " if noticed else "UNNOTICED", number.promise, flush=True)
    return unnoticed


def is_noticed(copy: Path, number: Number) -> bool:
    """Change a number, run its test, change it back."""
    file = copy / "sendook_lite" / number.file
    text = file.read_text()
    file.write_text(text.replace(number.text, number.other))
    run = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-qx", "--timeout=40", f"tests/{number.test}"],
        cwd=copy,
        capture_output=True,
        check=False,
    )
    file.write_text(text)
    return run.returncode == 1


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:])))
