"""Prints what an hour of load and faults leaves behind; ends with 1 if that is anything.

python -m tests.soak [--minutes 60] [--seed N]
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from sendook_lite.logs import configure
from tests.soak.house import House, Reading
from tests.soak.hurry import HurryingLoop

HEAD = f"{'':20}{'descriptors':>12}{'tasks':>8}{'threads':>9}{'MiB':>8}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="of the clock's time, under load")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    configure("json", "error")
    with (
        tempfile.TemporaryDirectory(prefix="sendook-soak-") as directory,
        asyncio.Runner(loop_factory=HurryingLoop) as runner,
    ):
        print(HEAD, flush=True)
        house = House(Path(directory), options.seed, show)
        runner.run(house.live(options.minutes))
    print(table(house))
    broken = [*house.after.left_over(house.before), *house.problems]
    print("\n".join(broken) or "nothing was left behind")
    return bool(broken)


def show(seconds: float, reading: Reading) -> None:
    print(row(f"minute {seconds / 60:.0f}", reading), flush=True)


def row(name: str, one: Reading) -> str:
    figures = f"{one.descriptors:>12}{one.tasks:>8}{one.threads:>9}{one.mebibytes:>8.1f}"
    return f"{name:20}{figures}"


def table(house: House) -> str:
    """Put what was measured, and what was done meanwhile, into lines."""
    readings = {
        "at rest before": house.before,
        "most under load": house.most,
        "at rest after": house.after,
    }
    lines = [HEAD, *(row(name, one) for name, one in readings.items())]
    lines += [f"{name:40}{count:>10,}" for name, count in house.counted.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
