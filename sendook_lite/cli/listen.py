"""``sendook-lite listen``: a server's events, live, in the terminal or at a URL of one's own."""

import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import click
import orjson

from sendook_lite import __version__
from sendook_lite.cli.client import open_client
from sendook_lite.cli.event_stream import EventStream
from sendook_lite.cli.failure import DONE
from sendook_lite.cli.forwarding import Forwarder
from sendook_lite.cli.options import Server, json_option, server_options
from sendook_lite.cli.terminal import printable, shorten
from sendook_lite.client.frames import Frame
from sendook_lite.domain.clock import MS_PER_SECOND, SystemClock, pause
from sendook_lite.domain.signing import TOLERANCE_SECONDS

SILENCE_SECONDS = 45.0
"""Three heartbeats of the server that did not come."""
_STALE_SECONDS = TOLERANCE_SECONDS // 2
_TYPE_WIDTH = len("message.complained")
_SUBJECT = 60
_PATH = "/v1/events/stream"


@click.command
@click.option("--events", "types", metavar="TYPE,…", help="Only events of these types.")
@click.option("--inbox", "inbox_id", metavar="ID", help="Only events of this inbox.")
@click.option(
    "--forward",
    "forward_url",
    metavar="URL",
    help="Post each event to this URL, one after the other.",
)
@click.option(
    "--webhook",
    "webhook_id",
    metavar="ID",
    help="Only what this webhook is sent, signed with its secret.",
)
@click.option("--since", metavar="EVENT", help="Begin behind this event, not with the next one.")
@json_option
@server_options
def listen(
    server: Server,
    *,
    types: str | None,
    inbox_id: str | None,
    forward_url: str | None,
    webhook_id: str | None,
    since: str | None,
    as_json: bool,
) -> int:
    """Show events as they happen, until Ctrl-C.

    A lost connection is made again, and nothing is missed or shown twice. With --json, one line of
    JSON per event: the body that webhooks get.

    \b
    Try a webhook handler on this machine with the signatures of a real webhook:
      sendook-lite listen --webhook wh_… --forward http://127.0.0.1:3000/hook
    """  # noqa: D301 - the character itself tells click to keep the lines
    clock = SystemClock()
    asked = {"type": types, "inboxId": inbox_id, "webhookId": webhook_id}
    query = urlencode({name: value for name, value in asked.items() if value})

    @contextmanager
    def dial(after: str | None) -> Iterator[http.client.HTTPResponse]:
        headers = {"Last-Event-ID": after} if after else {}
        with (
            open_client(os.environ, server) as client,
            client.open(f"{_PATH}?{query}", headers, SILENCE_SECONDS) as response,
        ):
            yield response

    def stale(frame: Frame) -> bool:
        if forward_url is None or webhook_id is None:
            return False
        signed_at = int(orjson.loads(frame.data)["headers"]["webhook-timestamp"])
        return clock.now() // MS_PER_SECOND - signed_at > _STALE_SECONDS

    stream = EventStream(dial, since, pause, _tell, stale)
    forwarder = None
    if forward_url is not None:
        forwarder = Forwarder(forward_url, clock, pause, _tell if as_json else click.echo)
    try:
        for frame in stream:
            headers, body = _open(frame, signed=webhook_id is not None)
            click.echo(body if as_json else describe(orjson.loads(body)))
            if forwarder is not None:
                forwarder.forward(headers, body)
    except KeyboardInterrupt:
        return DONE
    finally:
        if stream.last is not None:
            _tell(f"To go on from here: --since {printable(stream.last)}")
    return DONE


def describe(event: dict[str, Any]) -> str:
    """Say in one line what happened, given the body of an event."""
    payload = event.get("payload") or {}
    detail = payload.get("delivery") or {}
    way = str(payload.get("from") or payload.get("email") or "")
    recipients = [detail["recipient"]] if detail.get("recipient") else payload.get("to") or []
    if recipients:
        more = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
        way += f" → {recipients[0]}{more}"
    subject = payload.get("subject")
    facts = [
        event["createdAt"],
        event["event"].ljust(_TYPE_WIDTH),
        event["eventId"],
        way,
        detail.get("status"),
        shorten(str(subject), _SUBJECT) if subject else None,
    ]
    return printable("  ".join(str(fact) for fact in facts if fact))


def _open(frame: Frame, *, signed: bool) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of the request that is to be made of a frame."""
    if signed:
        request = orjson.loads(frame.data)
        return request["headers"], request["body"].encode()
    headers = {
        "content-type": "application/json",
        "user-agent": f"Sendook-Lite/{__version__}",
        "webhook-id": frame.id or "",
        "x-sendook-event": frame.event,
    }
    return headers, frame.data


def _tell(text: str) -> None:
    click.echo(text, err=True)
