"""``sendook-lite doctor``: what is misconfigured or failing, and the command that mends it."""

import os
from collections.abc import Iterator
from dataclasses import asdict

import click

from sendook_lite.cli.failure import DONE, REFUSED
from sendook_lite.cli.findings import Finding
from sendook_lite.cli.json_text import render_json
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.terminal import printable

_MARKS = {"ok": "ok      ", "note": "note    ", "warning": "WARNING ", "error": "ERROR   "}
_COLORS = {"ok": "green", "note": None, "warning": "yellow", "error": "red"}


@click.command
@click.option("--dev", is_flag=True, help="The server is run with --dev.")
@json_option
@server_options
def doctor(server: Server, *, dev: bool, as_json: bool) -> int:
    """Look for what is misconfigured or failing, and say what mends it.

    Directories and sockets and who may use them, the database, the disk, backups, the clock, the
    relay, DNS records, and, where a server runs, its webhooks and the domains added to it.
    Changes nothing and sends no mail. Run it as the user of the server, or as root.

    \b
    Exit codes:
      0   nothing is wrong; there may be warnings
      1   something is
      2   the settings cannot be read
    """  # noqa: D301 - the character itself tells click to keep the lines
    findings = list(_examine(server, dev=dev))
    if as_json:
        click.echo(render_json([asdict(each) for each in findings]))
    else:
        for each in findings:
            click.echo(_shown(each))
    return REFUSED if any(each.level == "error" for each in findings) else DONE


def _examine(server: Server, *, dev: bool) -> Iterator[Finding]:
    """Look at everything, what needs nothing first."""
    # Only this command and `serve` need all settings, and all that is looked at.
    from sendook_lite.cli import doctor_host, doctor_mail, doctor_server  # noqa: PLC0415
    from sendook_lite.settings_sources import load  # noqa: PLC0415

    options = {"server": {"data_dir": server.data_dir}}
    loaded = load(os.environ, config=server.config, options=options, dev=dev)
    yield Finding("ok", "settings", f"read from {loaded.file or 'the defaults'}")
    yield from doctor_host.look(loaded.settings)
    yield from doctor_mail.look(loaded.settings)
    yield from doctor_server.look(server, loaded.settings)


def _shown(finding: Finding) -> str:
    mark = click.style(_MARKS[finding.level], fg=_COLORS[finding.level])
    lines = [f"{mark}{finding.area:10}{printable(finding.what)}"]
    if finding.mend:
        lines.append(f"{'':18}→ {printable(finding.mend)}")
    return "\n".join(lines)
