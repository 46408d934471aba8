"""What is shown: progress and the table on the screen, everything else in ``results.json``."""

import json
import os
import platform
import sqlite3
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from bench.pairs import Measured, Told
from bench.table import Row

_BAR = 20


class Screen:
    """Writes to the terminal; without one, a line for each finished row is enough."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._begun = time.monotonic()

    def progress(self, row: Row) -> Told:
        """Return what is to be told of each pair of a row."""
        self._write(f"{row.name:>4}  {row.title} …")

        def told(number: int, ratio: float) -> None:
            done = round(_BAR * number / row.pairs)
            bar = "█" * done + "░" * (_BAR - done)
            self._write(f"{row.name:>4}  {bar} pair {number} of {row.pairs}, ratio {ratio:.2f}")

        return told

    def _write(self, text: str) -> None:
        if self._live:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def heading(self) -> None:
        """Write the names of the columns."""
        self._print(
            f"{'row':>4}  {'ratio':>6}  {'reach':>6}  {'dream':>6}  {'':7}"
            f"{'product':>9} {'yardstick':>9}  unit"
        )

    def row(self, row: Row, measured: Measured) -> None:
        """Write a finished row, and beneath it what else was seen."""
        limit = "≥" if row.more_is_better else "≤"
        self._print(
            f"{row.name:>4}  {measured.ratio:6.2f}"
            f"  {limit}{row.reach:5.2f}  {limit}{row.dream:5.2f}"
            f"  {row.verdict(measured.ratio):6} {_figure(median(measured.product)):>9}"
            f" {_figure(median(measured.yardstick)):>9}  {row.unit}: {row.title}"
        )
        for remark in measured.remarks:
            self._print(f"{'':14}{remark}")

    def end(self) -> None:
        """Write how long it took."""
        self._print(f"{time.monotonic() - self._begun:.0f} s")

    def _print(self, line: str) -> None:
        self._write("")
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004 - three digits do


def result(row: Row, measured: Measured) -> dict[str, Any]:
    """Render a row for ``results.json``."""
    return {
        "row": row.name,
        "title": row.title,
        "yardstick": row.yardstick,
        "unit": row.unit,
        "reach": row.reach,
        "dream": row.dream,
        "ratio": measured.ratio,
        "verdict": row.verdict(measured.ratio),
        "ratios": measured.ratios,
        "measured": asdict(measured),
    }


def keep(path: Path, results: list[dict[str, Any]]) -> None:
    """Write ``results.json``; rows that were not measured this time stay as they were."""
    known = {each["row"]: each for each in _known(path)}
    known |= {each["row"]: {**each, "machine": _machine()} for each in results}
    ordered = sorted(known.values(), key=lambda each: int(each["row"][1:]))
    path.write_text(json.dumps({"rows": ordered}, indent=1) + "\n", encoding="utf-8")


def _known(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    known: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return known


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
