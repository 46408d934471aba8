"""The commands of ``sendook-lite messages`` that send: ``send`` and ``reply``."""

import os
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sendook_lite.cli.client import open_client
from sendook_lite.cli.failure import WRONG_USE, Failed
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.resources import id_argument, show
from sendook_lite.cli.terminal import printable
from sendook_lite.client.request import path_of

F = TypeVar("F", bound=Callable[..., Any])


def letter_options(command: F) -> F:
    """Add what is sent: the text, the HTML, files, and headers."""
    for option in (
        click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'",
                     help="Add a header; may be given again."),
        click.option("--attach", "files", multiple=True, metavar="FILE",
                     type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="Attach a file; may be given again."),
        click.option("--html", metavar="HTML", help="HTML; or @FILE."),
        click.option("--text", metavar="TEXT",
                     help="Text; or @FILE. Without it and --html, standard input."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command("send")
@click.argument("inbox")
@click.option("--to", multiple=True, metavar="ADDRESS", help="May be given again, as the others.")
@click.option("--cc", multiple=True, metavar="ADDRESS")
@click.option("--bcc", multiple=True, metavar="ADDRESS")
@click.option("--subject", default="", metavar="TEXT")
@click.option("--reply-to", metavar="ADDRESS", help="Where answers go.")
@click.option("--thread", metavar="ID", help="Go on in this thread.")
@letter_options
@json_option
@server_options
def send_message(
    server: Server,
    *,
    inbox: str,
    to: tuple[str, ...],
    cc: tuple[str, ...],
    bcc: tuple[str, ...],
    subject: str,
    reply_to: str | None,
    thread: str | None,
    as_json: bool,
    **letter: Any,
) -> None:
    """Send a message from an inbox.

    \b
    Example:
      echo "See you at noon." | sendook-lite messages send inbox_… --to ann@example.org --subject Lunch
    """  # noqa: D301, E501 - the character tells click to keep the lines
    body = {
        "to": list(to),
        "cc": list(cc),
        "bcc": list(bcc),
        "subject": subject,
        "replyTo": reply_to,
        "threadId": thread,
        **_letter(**letter),
    }
    _post(server, path_of("inboxes", inbox, "messages", "send"), body, as_json=as_json)


@click.command("reply")
@click.argument("inbox")
@id_argument
@click.option("--all", "everybody", is_flag=True, help="To all recipients of the message.")
@letter_options
@json_option
@server_options
def reply_to_message(
    server: Server, *, inbox: str, identifier: str, everybody: bool, as_json: bool, **letter: Any
) -> None:
    """Reply to a message, in its thread."""
    body = {"replyAll": everybody, **_letter(**letter)}
    path = path_of("inboxes", inbox, "messages", identifier, "reply")
    _post(server, path, body, as_json=as_json)


def _letter(
    *, text: str | None, html: str | None, files: tuple[Path, ...], headers: tuple[str, ...]
) -> dict[str, Any]:
    if text is None and html is None:
        text = sys.stdin.read()
    return {
        "text": _content(text),
        "html": _content(html),
        "attachments": [_attachment(file) for file in files],
        "headers": dict(_header(each) for each in headers),
    }


def _content(given: str | None) -> str | None:
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read {given[1:]}: {error}", WRONG_USE) from error


def _attachment(file: Path) -> dict[str, str]:
    import mimetypes  # noqa: PLC0415 - reads files of the system

    try:
        content = file.read_bytes()
    except OSError as error:
        raise Failed(f"cannot read {file}: {error.strerror}", WRONG_USE) from error
    kind, encoding = mimetypes.guess_type(file.name)
    attached = {"content": b64encode(content).decode("ascii"), "name": file.name}
    return attached | ({"contentType": kind} if kind and not encoding else {})


def _header(given: str) -> tuple[str, str]:
    name, colon, value = given.partition(":")
    if not colon:
        raise Failed(f"a header is written 'Name: value', not {given!r}", WRONG_USE)
    return name.strip(), value.strip()


def _post(server: Server, path: str, body: dict[str, Any], *, as_json: bool) -> None:
    given = {name: value for name, value in body.items() if value not in (None, [], {}, "")}
    with open_client(os.environ, server) as client:
        accepted = client.request("POST", path, given)
    show(accepted, _summary, as_json=as_json)


def _summary(message: dict[str, Any]) -> str:
    """Say what was accepted, and who will not get it."""
    lines = [f"{message['id']} will be sent"]
    lines += [
        f"not to {each['address']}: {each.get('detail', each['status'])}"
        for each in message.get("recipients", ())
        if each["status"] == "rejected"
    ]
    return printable("\n".join(lines), lines=True)
