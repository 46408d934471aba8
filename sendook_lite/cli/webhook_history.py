"""``sendook-lite webhooks stats|attempts|replay|replays``: how a webhook has done, and again."""

import os
import re
from typing import Any, Final

import click

from sendook_lite.cli.client import Client, open_client
from sendook_lite.cli.columns import columns, fields
from sendook_lite.cli.deliveries import attempts_table
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import fetch_list, id_argument, limit_option, show
from sendook_lite.cli.terminal import printable
from sendook_lite.client.request import path_of
from sendook_lite.domain.clock import MS_PER_SECOND, SystemClock, iso, pause

_AGO: Final = re.compile(r"(\d+)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_POLL_SECONDS: Final = 0.5
_BAR: Final = 20


@click.command("attempts")
@id_argument
@limit_option
@json_option
@server_options
def list_attempts(server: Server, *, identifier: str, limit: int, as_json: bool) -> None:
    """List the last requests made to a webhook, newest first."""
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("webhooks", identifier, "attempts"), {}, limit)
    show(found, attempts_table, as_json=as_json)


@click.command("stats")
@id_argument
@json_option
@server_options
def show_statistics(server: Server, *, identifier: str, as_json: bool) -> None:
    """Show how a webhook has done: counts, durations, and the last 24 hours."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("webhooks", identifier, "stats"))
    show(found, _statistics, as_json=as_json)


@click.command("replay")
@id_argument
@click.option("--since", required=True, metavar="TIME", help="First moment, or how long ago.")
@click.option("--until", metavar="TIME", help="Last moment, or how long ago. Default: now.")
@click.option("--events", metavar="TYPE,…", help="Only events of these types.")
@click.option(
    "--status",
    type=click.Choice(["undelivered", "failed", "all"]),
    default="undelivered",
    show_default=True,
    help="What is sent again.",
)
@click.option("--wait", is_flag=True, help="Wait for its end, and show how far it has come.")
@json_option
@server_options
def start_replay(
    server: Server,
    *,
    identifier: str,
    since: str,
    until: str | None,
    events: str | None,
    status: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Send a period of the log to a webhook again.

    TIME is like 2026-03-01T09:10:00Z (UTC without a zone), or how long ago: 90s, 30m, 12h, 7d.

    \b
    Everything it has missed in the last two days:
      sendook-lite webhooks replay wh_… --since 2d --wait
    """  # noqa: D301 - the character itself tells click to keep the lines
    body: dict[str, Any] = {"since": _moment(since), "status": status}
    if until is not None:
        body["until"] = _moment(until)
    if events is not None:
        body["events"] = [name.strip() for name in events.split(",") if name.strip()]
    with open_client(os.environ, server) as client:
        replay = client.request("POST", path_of("webhooks", identifier, "replay"), body)
        if wait:
            replay = _follow(client, identifier, replay)
    show(replay, fields, as_json=as_json)


@click.command("replays")
@id_argument
@click.option("--cancel", "canceled", metavar="REPLAY", help="End this one.")
@json_option
@server_options
def list_replays(server: Server, *, identifier: str, canceled: str | None, as_json: bool) -> None:
    """List the replays of a webhook, newest first; or end one."""
    path = path_of("webhooks", identifier, "replays")
    with open_client(os.environ, server) as client:
        if canceled is not None:
            ended = client.request("DELETE", path_of("webhooks", identifier, "replays", canceled))
            show(ended, fields, as_json=as_json)
            return
        found = client.request("GET", path)
    show(found, _replays, as_json=as_json)


def _moment(text: str) -> str:
    """Turn "2h" into the moment two hours ago; anything else is for the server to read."""
    match = _AGO.fullmatch(text.strip())
    if match is None:
        return text
    ago = int(match[1]) * _SECONDS[match[2]] * MS_PER_SECOND
    return iso(max(0, SystemClock().now() - ago))


def _follow(client: Client, identifier: str, replay: dict[str, Any]) -> dict[str, Any]:
    """Wait until a replay has looked at everything and all it opened has ended."""
    while True:
        settled = replay["delivered"] + replay["failed"]
        _show_progress(replay, settled)
        if replay["state"] == "canceled" or (
            replay["state"] == "done" and settled >= replay["created"]
        ):
            click.echo(err=True)
            return replay
        pause(_POLL_SECONDS)
        found = client.request("GET", path_of("webhooks", identifier, "replays"))
        replay = next((each for each in found if each["id"] == replay["id"]), replay)


def _show_progress(replay: dict[str, Any], settled: int) -> None:
    """Draw over the line before, on standard error."""
    share = settled / replay["created"] if replay["created"] else 0
    bar = ("█" * round(share * _BAR)).ljust(_BAR, "░")
    click.echo(f"\r{bar} {settled:,} of {replay['created']:,} sent again", err=True, nl=False)


def _statistics(found: dict[str, Any]) -> str:
    """Lay out the sums, then a bar for every hour in which something ended."""
    sums = {name: value for name, value in found.items() if name != "hours"}
    sums["successRate"] = f"{found['successRate']:.1%}"
    hours = [each for each in found["hours"] if each["delivered"] or each["failed"]]
    if not hours:
        return fields(sums)
    most = max(each["delivered"] + each["failed"] for each in hours)
    rows = [
        [
            each["start"],
            each["delivered"],
            each["failed"],
            "█" * max(1, round((each["delivered"] + each["failed"]) / most * _BAR)),
        ]
        for each in hours
    ]
    return f"{fields(sums)}\n\n{columns(['HOUR', 'DELIVERED', 'FAILED', ''], rows)}"


def _replays(found: list[dict[str, Any]]) -> str:
    rows = [
        [
            each["id"],
            each["state"],
            f"{each['since']} to {each['until']}",
            each["status"],
            each["matched"],
            each["created"],
            each["delivered"],
            each["failed"],
        ]
        for each in found
    ]
    headings = ["ID", "STATE", "PERIOD", "OF", "MATCHED", "CREATED", "DELIVERED", "FAILED"]
    return printable(columns(headings, rows), lines=True)
