"""Reads a page of metrics as Prometheus does, and judges its names as promtool would."""

import re
import urllib.request
from dataclasses import dataclass, field

from tests.e2e.server import Server

UNITS = ("_seconds", "_bytes")
OTHER_UNITS = re.compile(r"_(ms|millis|milliseconds|minutes|hours|days|kb|mb|kib|mib|percent)(_|$)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SAMPLE = re.compile(r"([a-z_0-9]+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


@dataclass
class Family:
    """One name with its samples: (suffix, labels) to value."""

    kind: str
    help: str
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    def value(self, suffix: str = "", **labels: str) -> float:
        return self.samples[suffix, tuple(sorted(labels.items()))]

    def labels(self, name: str) -> set[str]:
        return {dict(labels)[name] for _, labels in self.samples if name in dict(labels)}


def fetch(url: str, accept: str = "text/plain") -> str:
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def page(server: Server) -> dict[str, Family]:
    return read_page(fetch(server.url))


def read_page(text: str) -> dict[str, Family]:
    """Read the text format 0.0.4; every sample belongs to the family whose lines came before it."""
    families: dict[str, Family] = {}
    helps: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, meaning = line.split(" ", 3)
            helps[name] = meaning
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current not in families, f"{current} comes twice"
            families[current] = Family(kind, helps[current])
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            assert name.startswith(current), f"{name} stands under {current}"
            key = (name[len(current) :], tuple(sorted(_LABEL.findall(labels or ""))))
            assert key not in families[current].samples, f"{line} comes twice"
            families[current].samples[key] = float(value)
    return families


def faults(families: dict[str, Family]) -> list[str]:
    """Say what promtool would complain of, and what it would not see."""
    found = []
    for name, family in families.items():
        counter, total = family.kind == "counter", name.endswith("_total")
        if not _NAME.fullmatch(name):
            found.append(f"{name}: not in lower case with underscores")
        if not name.startswith(("sendook_", "process_")):
            found.append(f"{name}: not of this program")
        if counter != total:
            found.append(f"{name}: _total is for counters, and for all of them")
        if OTHER_UNITS.search(name):
            found.append(f"{name}: no base unit")
        if name.endswith(("_count", "_sum", "_bucket", "_info")) and name != "sendook_build_info":
            found.append(f"{name}: an ending with a meaning of its own")
        if family.kind == "histogram":
            found += _histogram_faults(name, family)
            if not name.endswith(UNITS):
                found.append(f"{name}: a histogram without a unit")
        if name.startswith("sendook_") and (
            len(family.help) < 15 or not family.help.endswith((".", "1."))
        ):
            found.append(f"{name}: says too little of itself")
    return found


def _histogram_faults(name: str, family: Family) -> list[str]:
    buckets = [
        (float(dict(labels)["le"]), value)
        for (suffix, labels), value in family.samples.items()
        if suffix == "_bucket"
    ]
    values = [value for _, value in buckets]
    found = []
    if buckets != sorted(buckets) or values != sorted(values) or buckets[-1][0] != float("inf"):
        found.append(f"{name}: buckets do not add up")
    if values[-1] != family.value("_count"):
        found.append(f"{name}: the last bucket is not the count")
    return found
