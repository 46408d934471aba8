"""``sendook-lite webhooks``: the URLs that are told of events."""

import os
from typing import Any

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.columns import columns, fields
from sendook_lite.cli.failure import DONE, REFUSED
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import (
    confirm,
    fetch_list,
    id_argument,
    limit_option,
    show,
    yes_option,
)
from sendook_lite.cli.secrecy import redact, secrets_option
from sendook_lite.cli.terminal import printable
from sendook_lite.cli.webhook_history import (
    list_attempts,
    list_replays,
    show_statistics,
    start_replay,
)
from sendook_lite.cli.webhook_options import webhook_options
from sendook_lite.client.request import path_of


@click.group
def webhooks() -> None:
    """List, create, change and test webhooks.

    \b
    Examples:
      sendook-lite webhooks create https://your.app/hook --events message.received
      sendook-lite webhooks test wh_…
      sendook-lite webhooks stats wh_…
      sendook-lite webhooks replay wh_… --since 2d --wait
    """  # noqa: D301 - the character itself tells click to keep the lines


for _command in (list_attempts, show_statistics, start_replay, list_replays):
    webhooks.add_command(_command)


@webhooks.command("list")
@limit_option
@secrets_option
@json_option
@server_options
def list_webhooks(server: Server, *, limit: int, show_secrets: bool, as_json: bool) -> None:
    """List webhooks, newest first."""
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("webhooks"), {}, limit)
    found = [redact(each, show_secrets=show_secrets) for each in found]
    show(found, _table, as_json=as_json)


@webhooks.command("show")
@id_argument
@secrets_option
@json_option
@server_options
def show_webhook(server: Server, *, identifier: str, show_secrets: bool, as_json: bool) -> None:
    """Show a webhook, without its secret."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("webhooks", identifier))
    show(redact(found, show_secrets=show_secrets), fields, as_json=as_json)


@webhooks.command("create")
@click.argument("target", metavar="TARGET")
@click.option("--events", metavar="TYPE,…", required=True, help="Which events it is told of.")
@click.option(
    "--signing",
    type=click.Choice(["hmac", "ed25519"]),
    default="hmac",
    show_default=True,
    help="With a shared secret, or a key pair.",
)
@webhook_options
@secrets_option
@json_option
@server_options
def create_webhook(
    server: Server,
    *,
    target: str,
    events: str,
    signing: str,
    changes: dict[str, Any],
    show_secrets: bool,
    as_json: bool,
) -> None:
    """Create a webhook and print its secret, or its public key.

    It posts to the URL TARGET. With --json the secret is hidden, unless --show-secrets is given;
    `sendook-lite webhooks secret ID` prints it at any time.

    \b
    Example:
      SECRET=$(sendook-lite webhooks create https://your.app/hook --events message.received)
    """  # noqa: D301 - the character itself tells click to keep the lines
    body = {"url": target, "events": split(events), "signing": signing, **changes}
    with open_client(os.environ, server) as client:
        made = client.request("POST", path_of("webhooks"), body)
    if as_json:
        show(redact(made, show_secrets=show_secrets), fields, as_json=True)
        return
    # The secret alone on standard output: SECRET=$(sendook-lite webhooks create …)
    click.echo(printable(f"{made['id']} is told of {', '.join(made['events'])}"), err=True)
    click.echo(printable(made.get("secret") or made["publicKey"]))


@webhooks.command("update")
@id_argument
@click.option("--target", metavar="URL", help="Where it posts to.")
@click.option("--events", metavar="TYPE,…", help="Which events it is told of.")
@webhook_options
@json_option
@server_options
def update_webhook(
    server: Server,
    *,
    identifier: str,
    target: str | None,
    events: str | None,
    changes: dict[str, Any],
    as_json: bool,
) -> None:
    """Change a webhook.

    What is not named stays; an empty text ("") takes an option back.
    """
    body = dict(changes)
    if target is not None:
        body["url"] = target
    if events is not None:
        body["events"] = split(events)
    if not body:
        raise click.UsageError("nothing is to be changed (see --help)")
    _change(server, identifier, body, as_json=as_json)


@webhooks.command("enable")
@id_argument
@json_option
@server_options
def enable_webhook(server: Server, *, identifier: str, as_json: bool) -> None:
    """Enable a webhook; its failures are forgotten."""
    _change(server, identifier, {"status": "enabled"}, as_json=as_json)


@webhooks.command("disable")
@id_argument
@json_option
@server_options
def disable_webhook(server: Server, *, identifier: str, as_json: bool) -> None:
    """Disable a webhook; what it is owed is canceled."""
    _change(server, identifier, {"status": "disabled"}, as_json=as_json)


@webhooks.command("delete")
@id_argument
@yes_option
@json_option
@server_options
def delete_webhook(server: Server, *, identifier: str, yes: bool, as_json: bool) -> None:
    """Delete a webhook and all it is owed."""
    with open_client(os.environ, server) as client:
        confirm(f"Delete the webhook {printable(identifier)} and all it is owed?", yes=yes)
        gone = client.request("DELETE", path_of("webhooks", identifier))
    show(
        redact(gone, show_secrets=False),
        lambda hook: printable(f"{hook['id']} ({hook['url']}) is gone"),
        as_json=as_json,
    )


@webhooks.command("test")
@id_argument
@json_option
@server_options
def test_webhook(server: Server, *, identifier: str, as_json: bool) -> int:
    """Send a test event now.

    Ends with 0 when it was answered with a 2xx, else with 1.
    """
    with open_client(os.environ, server) as client:
        result = client.request("POST", path_of("webhooks", identifier, "test"))
    show(result, _verdict, as_json=as_json)
    return DONE if result["success"] else REFUSED


@webhooks.command("secret")
@id_argument
@json_option
@server_options
def show_secret(server: Server, *, identifier: str, as_json: bool) -> None:
    """Print the secret that signs now, or the public key."""
    with open_client(os.environ, server) as client:
        found = client.request("GET", path_of("webhooks", identifier, "secret"))
    _show_secret(found, as_json=as_json)


@webhooks.command("rotate")
@id_argument
@click.option(
    "--grace",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    help="How long the former one goes on signing. Default: a day; 0: not at all.",
)
@json_option
@server_options
def rotate_secret(server: Server, *, identifier: str, grace: int | None, as_json: bool) -> None:
    """Replace the secret and print the new one, or the new public key.

    The former one signs beside it for a while, so that the receiver can be changed in peace.
    """
    body = {} if grace is None else {"graceSeconds": grace}
    with open_client(os.environ, server) as client:
        made = client.request("POST", path_of("webhooks", identifier, "secret", "rotate"), body)
    _show_secret(made, as_json=as_json)


def split(text: str) -> list[str]:
    """Read names with commas between them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _change(server: Server, identifier: str, body: dict[str, Any], *, as_json: bool) -> None:
    with open_client(os.environ, server) as client:
        changed = client.request("PATCH", path_of("webhooks", identifier), body)
    show(redact(changed, show_secrets=False), fields, as_json=as_json)


def _show_secret(found: dict[str, Any], *, as_json: bool) -> None:
    """Print a secret alone on standard output, and what else signs on standard error."""
    show(
        found,
        lambda secret: printable(secret.get("secret") or secret["publicKey"]),
        as_json=as_json,
    )
    if not as_json:
        for earlier in found["previous"]:
            click.echo(printable(f"an earlier one signs until {earlier['expiresAt']}"), err=True)


def _verdict(result: dict[str, Any]) -> str:
    attempt = result["attempt"]
    outcome = attempt.get("error") or f"answered {attempt['status']}"
    colour = "green" if result["success"] else "red"
    return click.style(printable(f"{outcome} in {attempt['durationMs']:,} ms"), fg=colour)


def _table(found: list[dict[str, Any]]) -> str:
    rows = [
        [
            hook["id"],
            hook["url"],
            hook["status"] + (f" ({hook['disabledReason']})" if "disabledReason" in hook else ""),
            hook["events"],
            hook.get("description"),
        ]
        for hook in found
    ]
    headings = ["ID", "URL", "STATUS", "EVENTS", "DESCRIPTION"]
    return columns(headings, rows, ("URL", "EVENTS", "DESCRIPTION"))
