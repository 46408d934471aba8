"""``sendook-lite events``: the log of what happened."""

import os
from typing import Any

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.columns import columns, fields
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import fetch_list, id_argument, limit_option, show
from sendook_lite.client.request import path_of


@click.group
def events() -> None:
    """List and show events; `sendook-lite listen` shows them as they happen.

    \b
    Examples:
      sendook-lite events list --type message.bounced
      sendook-lite events show evt_… --json
    """  # noqa: D301 - the character itself tells click to keep the lines


@events.command("list")
@click.option("--after", metavar="EVENT", help="Those behind this one. Default: from the oldest.")
@click.option("--type", "event_type", metavar="TYPE", help="Those of this type.")
@click.option("--inbox", "inbox_id", metavar="ID", help="Those of this inbox.")
@limit_option
@json_option
@server_options
def list_events(
    server: Server,
    *,
    after: str | None,
    event_type: str | None,
    inbox_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List events, oldest first."""
    query = {"after": after, "type": event_type, "inboxId": inbox_id}
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("events"), query, limit)
    show(found, _table, as_json=as_json)


@events.command("show")
@id_argument
@json_option
@server_options
def show_event(server: Server, *, identifier: str, as_json: bool) -> None:
    """Show an event with what webhooks are sent of it."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("events", identifier))
    show(found, fields, as_json=as_json)


def _table(found: list[dict[str, Any]]) -> str:
    states = ("delivered", "pending", "failed", "canceled")
    rows = [
        [each["id"], each["createdAt"], each["event"], each.get("messageId") or each.get("inboxId")]
        + [each["deliveries"][state] for state in states]
        for each in found
    ]
    headings = ["ID", "CREATED", "EVENT", "OF", *(state.upper() for state in states)]
    return columns(headings, rows)
