"""``make chaos``: kills the program so many times and prints what that did.

python -m tests.chaos [--kills 500] [--seed N] [--keep DIRECTORY]
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.audit import Verdict
from tests.chaos.campaign import Campaign
from tests.chaos.migration_kills import MigrationKills

SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--keep", type=Path, help="where the data of the campaign is to stay")
    parser.add_argument(
        "--every", type=int, default=1, help="kill at every so many statements of the migrations"
    )
    options = parser.parse_args()
    directory = options.keep or Path(tempfile.mkdtemp(prefix="sendook-chaos-"))
    print(f"{options.kills} kills under load, seed {options.seed}, in {directory}", flush=True)
    upgrades = MigrationKills(directory / "migrations", options.every).run()
    print(f"killed {upgrades.kills} times during migrations, {len(upgrades.breaches)} breaches")
    campaign = Campaign(directory / "campaign", options.kills, options.seed, report=show_progress)
    verdict = asyncio.run(campaign.run())
    print()
    print(as_table(campaign, verdict, upgrades))
    clean = verdict.clean and not upgrades.breaches
    if clean and options.keep is None:
        shutil.rmtree(directory)
    return 0 if clean else 1


def show_progress(number: int, point: str, campaign: Campaign) -> None:
    seconds = time.monotonic() - campaign.started_at
    left = seconds / number * (campaign.kills - number)
    known = campaign.senders.acknowledged
    line = (
        f"{number:4}/{campaign.kills}  {seconds / 60:5.1f} min, {left / 60:5.1f} to go"
        f"  {len(known.mails):7,} mails {len(known.lines):8,} lines"
        f" {len(campaign.receiver.receipts):9,} requests  killed {point}"
    )
    if sys.stdout.isatty():
        print(f"\r{line[:110]:110}", end="", flush=True)
    elif number % 10 == 0:
        print(line, flush=True)


def as_table(campaign: Campaign, verdict: Verdict, upgrades: MigrationKills) -> str:
    seconds = time.monotonic() - campaign.started_at
    rows: list[tuple[str, object]] = [
        ("kills", sum(campaign.done.values()) + upgrades.kills),
        *((f"  {point}", count) for point, count in campaign.done.most_common()),
        ("  during a migration", upgrades.kills),
        ("acknowledged", sum(verdict.acknowledged.values())),
        *((f"  {kind}", count) for kind, count in verdict.acknowledged.items()),
        ("requests at the receiver", verdict.requests),
        ("  in flight or not recorded at a kill", sum(verdict.unrecorded)),
        ("    most at one kill", max(verdict.unrecorded)),
        ("  repeated", verdict.repeated),
        ("mails at the relay", verdict.handed_over),
        ("  handed over again", verdict.handed_again),
        ("minutes", round(seconds / 60, 1)),
    ]
    lines = [f"{name:45}{count:>12,}" for name, count in rows]
    lines.append("breaches")
    for promise, found in verdict.breaches.items():
        lines.append(f"  {promise:50}{len(found):>7,}")
        lines += [f"      {each}" for each in found[:SHOWN]]
    lines.append(f"  {'after a kill during a migration':50}{len(upgrades.breaches):>7,}")
    lines += [f"      {each}" for each in upgrades.breaches[:SHOWN]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
