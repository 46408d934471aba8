"""Runs the benchmarks: ``python -m bench``, or ``python -m bench B1 B8`` for some of them."""

import sys
from pathlib import Path
from typing import Any

from bench import report
from bench.chart import draw
from bench.table import ROWS
from bench.workshop import open_workshop

RESULTS = Path(__file__).parent / "results.json"
CHARTS = Path(__file__).parent.parent / "docs" / "charts"


def main(wanted: list[str]) -> int:
    """Measure the rows that are wanted, all when none is named; 1 when one is below its reach."""
    unknown = set(wanted) - {row.name for row in ROWS}
    if unknown:
        sys.stderr.write(f"there is no row {', '.join(sorted(unknown))}\n")
        return 2
    screen = report.Screen()
    screen.heading()
    results: list[dict[str, Any]] = []
    for row in ROWS:
        if wanted and row.name not in wanted:
            continue
        with open_workshop(screen.progress(row), row.pairs) as workshop:
            measured = row.measure(workshop)
        screen.row(row, measured)
        results.append(report.result(row, measured))
        report.keep(RESULTS, results)
        CHARTS.mkdir(parents=True, exist_ok=True)
        (CHARTS / f"{row.name}.svg").write_text(draw(results[-1]), encoding="utf-8")
    screen.end()
    return int(any(each["verdict"] == "below" for each in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
