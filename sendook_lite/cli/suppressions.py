"""``sendook-lite suppressions``: addresses that nothing is sent to, and why."""

import os
from typing import Any

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.columns import columns
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import fetch_list, limit_option, show
from sendook_lite.cli.terminal import printable
from sendook_lite.client.request import path_of


@click.group
def suppressions() -> None:
    """List addresses that get no mail, and let them get mail again.

    An address comes on the list when a mail to it bounced for good, or its owner complained.

    \b
    Examples:
      sendook-lite suppressions list
      sendook-lite suppressions remove ann@example.org
    """  # noqa: D301 - the character itself tells click to keep the lines


@suppressions.command("list")
@limit_option
@json_option
@server_options
def list_suppressions(server: Server, *, limit: int, as_json: bool) -> None:
    """List addresses that get no mail, newest first."""
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("suppressions"), {}, limit)
    show(found, _table, as_json=as_json)


@suppressions.command("remove")
@click.argument("address")
@json_option
@server_options
def remove_suppression(server: Server, *, address: str, as_json: bool) -> None:
    """Let mail be sent to an address again."""
    with open_client(os.environ, server) as client:
        gone = client.request("DELETE", path_of("suppressions", address))
    show(gone, lambda entry: printable(f"{entry['address']} gets mail again"), as_json=as_json)


def _table(found: list[dict[str, Any]]) -> str:
    rows = [
        [each["address"], each["reason"], each["messageId"], each["createdAt"]] for each in found
    ]
    return columns(["ADDRESS", "REASON", "MESSAGE", "SINCE"], rows, ("ADDRESS",))
