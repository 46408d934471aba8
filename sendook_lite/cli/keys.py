"""``sendook-lite keys``: who may use the API; also the way to replace a key that was lost."""

import os
from typing import Any
from urllib.parse import quote

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.json_text import render_json
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.terminal import printable, table

_PATH = "/v1/api_keys"


@click.group
def keys() -> None:
    """List, create and delete API keys.

    Whoever may open the server's admin socket needs no key for this.

    \b
    Examples:
      KEY=$(sendook-lite keys create ci --scope read)
      sendook-lite keys delete key_…
    """  # noqa: D301 - the character itself tells click to keep the lines


@keys.command("list")
@json_option
@server_options
def list_keys(server: Server, *, as_json: bool) -> None:
    """List all keys, newest first; the keys themselves are kept by nobody."""
    with open_client(os.environ, server) as client:
        found = client.list_all(_PATH)
    click.echo(render_json(found) if as_json else _table(found))


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "write", "admin"]),
    help="What it may do; may be given again. Default: admin; with --inbox, write.",
)
@click.option(
    "--inbox",
    "inboxes",
    multiple=True,
    metavar="ID",
    help="Limit it to this inbox; repeatable.",
)
@json_option
@server_options
def create_key(
    server: Server,
    *,
    name: str,
    scopes: tuple[str, ...],
    inboxes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Create a key and print it; it cannot be shown again."""
    body: dict[str, Any] = {"name": name}
    if scopes:
        body["scopes"] = list(scopes)
    if inboxes:
        body["inboxIds"] = list(inboxes)
    with open_client(os.environ, server) as client:
        made = client.request("POST", _PATH, body)
    if as_json:
        click.echo(render_json(made))
        return
    # The key alone on standard output: KEY=$(sendook-lite keys create ci)
    click.echo(f"{made['id']}, scopes: {', '.join(made['scopes'])}", err=True)
    click.echo(printable(made["key"]))
    click.echo("Keep it now: it will not be shown again.", err=True)


@keys.command("delete")
@click.argument("identifier", metavar="ID")
@json_option
@server_options
def delete_key(server: Server, *, identifier: str, as_json: bool) -> None:
    """Delete a key; it opens nothing from now on."""
    with open_client(os.environ, server) as client:
        gone = client.request("DELETE", f"{_PATH}/{quote(identifier, safe='')}")
    click.echo(
        render_json(gone) if as_json else printable(f"{gone['id']} ({gone['name']}) is gone")
    )


def _table(found: list[dict[str, Any]]) -> str:
    rows = [
        [
            key["id"],
            key["name"],
            f"{key['prefix']}…",
            " ".join(key["scopes"]),
            " ".join(key.get("inboxIds", ())) or "all",
            "yes" if key["active"] else "no",
            key.get("lastUsedAt", "never"),
        ]
        for key in found
    ]
    return table(["ID", "NAME", "KEY", "SCOPES", "INBOXES", "ACTIVE", "LAST USED"], rows)
