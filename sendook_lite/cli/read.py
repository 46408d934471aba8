"""``sendook-lite read``: shows what is understood of a mail, and stores nothing."""

import sys

import click

from sendook_lite.cli.failure import DONE
from sendook_lite.cli.json_text import render_json
from sendook_lite.cli.mail_view import as_text, view
from sendook_lite.cli.options import json_option
from sendook_lite.cli.source import STANDARD_INPUT, cannot_read, open_source


@click.command
@click.argument("file", default=STANDARD_INPUT)
@json_option
def read(*, file: str, as_json: bool) -> int:
    """Show what is understood of the mail (RFC 5322) in FILE, or on standard input.

    The message as the API would show it, without ids, and what it reports if it is a delivery
    report or an abuse report. Any bytes will do: what cannot be understood is told in parseError,
    and the exit code is 0. It is 66 when FILE cannot be read.
    """
    with open_source(file) as source:
        try:
            raw = source.read()
        except OSError as error:
            raise cannot_read(file, error) from error
    shown = view(raw)
    rendered = render_json(shown) if as_json else as_text(shown)
    # Mail is UTF-8 whatever the terminal's locale says; "replace" would lose its text.
    sys.stdout.buffer.write(rendered.encode() + b"\n")
    sys.stdout.buffer.flush()
    return DONE
