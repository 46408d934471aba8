"""``sendook-lite inboxes``: the addresses that receive and send."""

import os
from typing import Any

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.columns import columns, fields
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import (
    confirm,
    fetch_list,
    id_argument,
    limit_option,
    show,
    yes_option,
)
from sendook_lite.cli.terminal import printable
from sendook_lite.client.request import path_of


@click.group
def inboxes() -> None:
    """List, create, rename and delete inboxes.

    \b
    Examples:
      sendook-lite inboxes create Support --email support@example.com
      sendook-lite inboxes list
    """  # noqa: D301 - the character itself tells click to keep the lines


@inboxes.command("list")
@limit_option
@json_option
@server_options
def list_inboxes(server: Server, *, limit: int, as_json: bool) -> None:
    """List inboxes, newest first."""
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("inboxes"), {}, limit)
    show(found, _table, as_json=as_json)


@inboxes.command("show")
@id_argument
@json_option
@server_options
def show_inbox(server: Server, *, identifier: str, as_json: bool) -> None:
    """Show an inbox."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("inboxes", identifier))
    show(found, fields, as_json=as_json)


@inboxes.command("create")
@click.argument("name", required=False)
@click.option("--email", metavar="ADDRESS", help="Default: made of the name.")
@json_option
@server_options
def create_inbox(server: Server, *, name: str | None, email: str | None, as_json: bool) -> None:
    """Create an inbox."""
    body = {key: value for key, value in (("name", name), ("email", email)) if value is not None}
    with open_client(os.environ, server) as client:
        made = client.request("POST", path_of("inboxes"), body)
    show(made, fields, as_json=as_json)


@inboxes.command("rename")
@id_argument
@click.argument("name")
@json_option
@server_options
def rename_inbox(server: Server, *, identifier: str, name: str, as_json: bool) -> None:
    """Give an inbox another name; an empty one ("") removes it."""
    with open_client(os.environ, server) as client:
        changed = client.request("PATCH", path_of("inboxes", identifier), {"name": name or None})
    show(changed, fields, as_json=as_json)


@inboxes.command("delete")
@id_argument
@yes_option
@json_option
@server_options
def delete_inbox(server: Server, *, identifier: str, yes: bool, as_json: bool) -> None:
    """Delete an inbox with all its mail."""
    with open_client(os.environ, server) as client:
        confirm(f"Delete the inbox {printable(identifier)} and all its mail?", yes=yes)
        gone = client.request("DELETE", path_of("inboxes", identifier))
    show(gone, lambda box: printable(f"{box['id']} ({box['email']}) is gone"), as_json=as_json)


def _table(found: list[dict[str, Any]]) -> str:
    rows = [[box["id"], box["email"], box.get("name"), box["createdAt"]] for box in found]
    return columns(["ID", "EMAIL", "NAME", "CREATED"], rows, ("EMAIL", "NAME"))
