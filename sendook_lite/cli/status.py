"""``sendook-lite status``: what is running, and how it is."""

import os
from typing import Any

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.failure import DONE, REFUSED
from sendook_lite.cli.json_text import render_json
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.terminal import printable

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


@click.command
@json_option
@server_options
def status(server: Server, *, as_json: bool) -> int:
    """Show what is running: version, listeners, deliveries, the store.

    \b
    Exit codes:
      0   running, and ready for work
      1   running, and not ready; the reason is shown
      75  no server answers
    """  # noqa: D301 - the character itself tells click to keep the lines
    with open_client(os.environ, server) as client:
        facts = client.request("GET", "/health")
        readiness = client.ask("GET", "/readyz")
    shown = {**facts, **_readiness(readiness.ok, readiness.document)}
    click.echo(render_json(shown) if as_json else as_text(shown, client.place))
    return DONE if readiness.ok else REFUSED


def as_text(facts: dict[str, Any], place: str) -> str:
    """Lay out the facts, one per line; those inside a section are indented."""
    facts = dict(facts)
    state = "ready" if facts.pop("ready") else f"not ready: {facts.pop('notReadyBecause')}"
    running = f"Sendook Lite {facts.pop('version', '')} at {place}: {state}"
    facts.pop("healthy", None)
    lines = [running]
    if "uptimeSeconds" in facts:
        lines.append(f"  {'up for':<22}{duration(int(facts.pop('uptimeSeconds')))}")
    for name, value in facts.items():
        if isinstance(value, dict):
            lines.append(f"  {_words(name)}")
            lines += [f"    {_words(key):<20}{_shown(inner)}" for key, inner in value.items()]
        else:
            lines.append(f"  {_words(name):<22}{_shown(value)}")
    return "\n".join(printable(line) for line in lines)


def duration(seconds: int) -> str:
    """Say a duration in its two largest units, e.g. ``3 d 4 h``."""
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _readiness(ok: bool, document: dict[str, Any]) -> dict[str, Any]:  # noqa: FBT001 - an answer's state
    if ok:
        return {"ready": True}
    return {"ready": False, "notReadyBecause": document.get("message", "the server does not say")}


def _words(name: str) -> str:
    """Turn ``inFlight`` into ``in flight``."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else render_json(value)
