"""``sendook-lite ingest``: hands one mail to the server, on behalf of a mail server or a script."""

import os
import re
import sys
from contextlib import suppress

import click

from sendook_lite.cli.connection import connect, find_door
from sendook_lite.cli.failure import DONE, TRY_AGAIN, Failed
from sendook_lite.cli.lmtp_client import LmtpClient, Phase, Result
from sendook_lite.cli.mail_stream import MailStream, data_lines
from sendook_lite.cli.options import settings_options, socket_option
from sendook_lite.cli.source import STANDARD_INPUT, cannot_read, open_source, size_of
from sendook_lite.cli.sysexits import SysexitsCommand
from sendook_lite.cli.terminal import printable
from sendook_lite.inbound.listeners import Address

_UNSAFE = re.compile(r"[\x00-\x1f\x7f<>\ud800-\udfff]")
"""What would end the address, or the command, on the wire. Spaces do not: they may be quoted."""


@click.command(cls=SysexitsCommand)
@click.argument("file", default=STANDARD_INPUT)
@click.option(
    "-r",
    "--recipient",
    "recipients",
    multiple=True,
    required=True,
    metavar="ADDRESS",
    help="Envelope recipient; may be given again.",
)
@click.option(
    "-f",
    "--sender",
    metavar="ADDRESS",
    help="Envelope sender, '' for the null sender. Default: the mail's Return-Path, else $SENDER.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only what went wrong.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long one answer may take.",
)
@socket_option
@settings_options
def ingest(
    *,
    file: str,
    recipients: tuple[str, ...],
    sender: str | None,
    address: Address | None,
    config: str | None,
    data_dir: str | None,
    quiet: bool,
    timeout: float,
) -> int:
    """Hand in one mail (RFC 5322) from FILE, or from standard input.

    Prints one line per recipient. A mail handed in twice is stored once, so trying again is safe.

    \b
    Exit codes (sysexits.h):
      0   stored for all recipients
      75  not now: keep the mail and try again
      67  a recipient is not known here
      65  the mail was refused
      64  wrong use; 66 FILE cannot be read

    \b
    Postfix, master.cf (the address is repeated for every recipient):
      sendook unix - n n - - pipe user=sendook
        argv=/usr/bin/sendook-lite ingest -q --sender=${sender} --recipient=${recipient}
    """  # noqa: D301 - the character itself tells click to keep the lines
    envelope = [_plausible(each, "--recipient") for each in dict.fromkeys(recipients)]
    with open_source(file) as source:
        size = size_of(source)
        try:
            stream = MailStream(source)
        except OSError as error:
            raise cannot_read(file, error) from error
        if stream.empty:
            raise Failed(f"{file}: there is no mail in it", os.EX_DATAERR)
        envelope_sender = _envelope_sender(sender, stream)
        door = address or find_door("lmtp", os.environ, config=config, data_dir=data_dir)
        with LmtpClient(connect(door, timeout)) as client:
            results = client.deliver(envelope_sender, envelope, data_lines(stream.chunks()), size)
    _report(results, quiet=quiet)
    return _exit_code(results)


def _envelope_sender(given: str | None, stream: MailStream) -> str:
    """Decide who the sender is; what is only guessed and not plausible is the null sender."""
    if given is not None:
        return _plausible(given, "--sender") if given else ""
    guessed = stream.return_path()
    if guessed is None:
        guessed = os.environ.get("SENDER", "")
    return guessed if "@" in guessed and not _UNSAFE.search(guessed) else ""


def _plausible(address: str, option: str) -> str:
    bare = address.strip().removeprefix("<").removesuffix(">")
    if not bare or _UNSAFE.search(bare):
        raise click.BadParameter(f"{address!r} is not an address", param_hint=option)
    return bare


def _report(results: list[Result], *, quiet: bool) -> None:
    lines = [
        f"{result.recipient}: {result.reply.code} {result.reply.text}".rstrip()
        for result in results
        if not (quiet and result.stored)
    ]
    # What became of the mail counts, even if nobody listens any more.
    with suppress(BrokenPipeError):
        for line in lines:
            click.echo(printable(line))
        sys.stdout.flush()


def _exit_code(results: list[Result]) -> int:
    """Choose one code for all recipients; trying again is right as long as any may succeed."""
    if any(result.temporary for result in results):
        return TRY_AGAIN
    refused = [result for result in results if not result.stored]
    if not refused:
        return DONE
    unknown = all(result.phase is Phase.RECIPIENT for result in refused)
    return os.EX_NOUSER if unknown else os.EX_DATAERR
