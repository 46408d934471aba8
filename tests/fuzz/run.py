"""Runs the fuzz targets one after the other: `python -m tests.fuzz.run --seconds 60 [TARGET …]`.

What libFuzzer finds worth keeping is kept in `.cache/fuzz/<target>`, so that the next run goes on
from there; inputs that crash, hang or take too much memory lie in `.cache/fuzz/crashes/<target>`.
Prints a table of inputs run and crashes; the exit code is 1 if there was any.
"""

import argparse
import hashlib
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

TARGETS = ("mail", "report", "event_line", "lmtp_path", "postfix_log", "http_answer")
CACHE = Path(".cache") / "fuzz"
_RUN = re.compile(r"stat::number_of_executed_units:\s+(\d+)|^#(\d+)\s", re.MULTILINE)
_LONGEST_INPUT = 65_536
_LONGEST_SECONDS = 20  # of one input; linear readers need a few milliseconds
_MOST_MEGABYTES = 2048


def run(target: str, seconds: int) -> tuple[int, int]:
    """Fuzz one target; return how many inputs were run and how many crashed it."""
    kept, crashes = CACHE / target, CACHE / "crashes" / target
    for folder in (kept, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for data in import_module(f"tests.fuzz.{target}").corpus():
        (kept / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    before = set(crashes.iterdir())
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.harness", target, str(kept)),
            *(f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/"),
            *(f"-max_len={_LONGEST_INPUT}", f"-timeout={_LONGEST_SECONDS}"),
            *(f"-rss_limit_mb={_MOST_MEGABYTES}", "-print_final_stats=1"),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    log = CACHE / f"{target}.log"
    log.write_text(done.stdout + done.stderr, "utf-8")
    counts = [int(total or number) for total, number in _RUN.findall(done.stderr)]
    found = len(set(crashes.iterdir()) - before)
    if done.returncode and not found:
        sys.exit(f"{target} did not run; see {log}")
    return max(counts, default=0), found


def main() -> None:
    """Run what was asked for and print the figures."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of what strangers send.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", default=TARGETS, metavar="TARGET", help=str(TARGETS))
    asked = parser.parse_args()
    crashed = 0
    print(f"{'target':<12}{'seconds':>8}{'inputs':>12}{'crashes':>9}", flush=True)
    for target in asked.targets:
        inputs, found = run(target, asked.seconds)
        print(f"{target:<12}{asked.seconds:>8}{inputs:>12,}{found:>9}", flush=True)
        crashed += found
    sys.exit(crashed > 0)


if __name__ == "__main__":
    main()
