"""``sendook-lite receive``: a receiver for trying things; verifies, prints and answers webhooks."""

import asyncio

import click

from sendook_lite.cli.failure import DONE
from sendook_lite.cli.options import json_option
from sendook_lite.cli.receiver import Answering, Receiver
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.signing import read_verifier


def _check_secrets(
    _context: click.Context, _parameter: click.Parameter, secrets: tuple[str, ...]
) -> tuple[str, ...]:
    for secret in secrets:
        try:
            read_verifier(secret)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return secrets


@click.command
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8466,
    show_default=True,
    help="0: any free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    envvar="SENDOOK_WEBHOOK_SECRET",
    metavar="whsec_…",
    callback=_check_secrets,
    help="Secret of the webhook, or its public key (whpk_…); may be given again."
    " Default: $SENDOOK_WEBHOOK_SECRET.",
)
@click.option(
    "--status",
    type=click.IntRange(200, 599),
    default=200,
    show_default=True,
    help="What to answer.",
)
@click.option(
    "--delay",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait before answering.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N requests.")
@json_option
def receive(
    *,
    port: int,
    host: str,
    secrets: tuple[str, ...],
    status: int,
    delay: float,
    count: int | None,
    as_json: bool,
) -> int:
    """Receive webhooks: check their signature, print them, answer them.

    Ends with Ctrl-C, or after --count requests. With --json, one line of JSON per request.
    """
    receiver = Receiver(
        Answering(status, delay), secrets, SystemClock(), count=count, as_json=as_json
    )
    asyncio.run(receiver.run(host, port))
    return DONE
