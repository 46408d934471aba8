"""``sendook-lite messages``: the mail in an inbox, and mail from it."""

import http.client
import os
import sys
from typing import Any, BinaryIO

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.columns import columns, fields
from sendook_lite.cli.failure import TRY_AGAIN, Failed
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import fetch_list, id_argument, limit_option, show
from sendook_lite.cli.sending import reply_to_message, send_message
from sendook_lite.cli.terminal import printable
from sendook_lite.client.request import path_of

_SECONDS = 30.0
_CHUNK = 65_536
_REPEATED = frozenset({"_id", "organizationId", "fullText", "html", "headers", "inboxId"})
"""What a person has seen already, or does not read in a terminal."""


@click.group
def messages() -> None:
    """List, show and send messages.

    INBOX is the id of an inbox (see `sendook-lite inboxes list`).
    """


messages.add_command(send_message)
messages.add_command(reply_to_message)


@messages.command("list")
@click.argument("inbox")
@limit_option
@json_option
@server_options
def list_messages(server: Server, *, inbox: str, limit: int, as_json: bool) -> None:
    """List the messages of an inbox, newest first."""
    with open_client(os.environ, server) as client:
        found = fetch_list(client, path_of("inboxes", inbox, "messages"), {}, limit)
    show(found, _table, as_json=as_json)


@messages.command("show")
@click.argument("inbox")
@id_argument
@click.option("--raw", is_flag=True, help="As it came, byte for byte.")
@json_option
@server_options
def show_message(server: Server, *, inbox: str, identifier: str, raw: bool, as_json: bool) -> None:
    """Show a message."""
    path = path_of("inboxes", inbox, "messages", identifier)
    with open_client(os.environ, server) as client:
        if raw:
            with client.open(f"{path}/raw", {}, _SECONDS) as answer:
                _copy(answer, sys.stdout.buffer)
            return
        found = client.request("GET", path)
    show(found, _letter, as_json=as_json)


def _table(found: list[dict[str, Any]]) -> str:
    rows = [
        [each["id"], each["createdAt"], each["from"], each["to"], each["subject"], each["status"]]
        for each in found
    ]
    headings = ["ID", "CREATED", "FROM", "TO", "SUBJECT", "STATUS"]
    return columns(headings, rows, ("FROM", "TO", "SUBJECT"))


def _copy(answer: http.client.HTTPResponse, out: BinaryIO) -> None:
    """Copy an answer; one that ends early is told, since half a mail looks like a whole one.

    Raises:
        Failed: it ended early, or nothing came for too long.
    """
    try:
        while chunk := answer.read(_CHUNK):
            out.write(chunk)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise Failed("the connection was lost: this is not all of it", TRY_AGAIN) from error
    if answer.length:
        raise Failed("the connection was lost: this is not all of it", TRY_AGAIN)
    out.flush()


def _letter(message: dict[str, Any]) -> str:
    """Lay out a message: what is known of it, then its text."""
    shown = {name: value for name, value in message.items() if name not in _REPEATED and value}
    shown.pop("text", None)
    if "attachments" in shown:
        shown["attachments"] = [
            f"{each['name']} ({each['contentType']}, {each['size']:,} bytes)"
            for each in shown["attachments"]
        ]
    return f"{fields(shown)}\n\n{printable(message['text'].rstrip(), lines=True)}"
