"""The receiver behind ``sendook-lite receive``: one small HTTP server and its printing."""

import asyncio
import json
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
from aiohttp import web

from sendook_lite.cli.failure import Failed
from sendook_lite.cli.terminal import printable, shorten_within
from sendook_lite.domain.clock import MS_PER_SECOND, Clock, iso
from sendook_lite.domain.signing import verify

_MAX_BODY = 64 * 1024 * 1024
_MAX_TEXT = 400
_MAX_LINES = 300
_STOP_SECONDS = 2.0
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Answering:
    """What every request is answered: a status, after so many seconds."""

    status: int
    delay: float


class Receiver:
    """Takes any request on any path."""

    def __init__(
        self,
        answering: Answering,
        secrets: tuple[str, ...],
        clock: Clock,
        *,
        count: int | None,
        as_json: bool,
    ) -> None:
        self._answering = answering
        self._secrets = secrets
        self._clock = clock
        self._left = count
        self._as_json = as_json
        self._stop = asyncio.Event()
        self._failure: BrokenPipeError | None = None

    async def run(self, host: str, port: int) -> None:
        """Serve until Ctrl-C, SIGTERM or the last request that was asked for.

        Raises:
            Failed: the port cannot be had.
            BrokenPipeError: nobody reads what is printed.
        """
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        try:
            await self._listen(runner, host, port)
            await self._stop.wait()
        finally:
            await runner.cleanup()
        if self._failure is not None:
            raise self._failure

    async def _listen(self, runner: web.AppRunner, host: str, port: int) -> None:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise Failed(
                f"cannot listen at {host}:{port}: {_cause(error)}. Try another --port (0: any)."
            ) from error
        bound = runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        self._introduce(f"http://{shown}:{bound}/")

    def _introduce(self, url: str) -> None:
        """Say where it listens, and what to do next."""
        lines = [f"Listening at {url} (Ctrl-C ends)"]
        if not self._secrets:
            document = json.dumps({"url": url, "events": ["message.received"]})
            lines += [
                "Register it with a server that runs as `sendook-lite serve --dev`:",
                "  curl http://127.0.0.1:8465/v1/webhooks \\",
                '    -H "Authorization: Bearer $SENDOOK_API_KEY" \\',
                f"    -H 'Content-Type: application/json' -d '{document}'",
                "The answer holds the secret: with --secret whsec_… signatures are checked.",
            ]
        click.echo("\n".join((*lines, "")), err=self._as_json)

    async def _handle(self, request: web.Request) -> web.Response:
        arrived = self._clock.now()
        body = await request.read()
        verified, reason = self._judge(request.headers, body, arrived)
        shown = _describe(request, body)
        try:
            if self._as_json:
                facts = {"at": iso(arrived), **shown, "verified": verified}
                click.echo(json.dumps(facts | ({"reason": reason} if reason else {})))
            else:
                print_block(iso(arrived), shown, verified=verified, reason=reason)
        except BrokenPipeError as error:
            self._failure = error
            self._stop.set()
        await self._clock.sleep(self._answering.delay)
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self._stop.set()
        return web.Response(status=self._answering.status)

    def _judge(
        self, headers: Mapping[str, str], body: bytes, arrived: int
    ) -> tuple[bool | None, str | None]:
        """Verify a request; returns whether it is to be believed (None: not known), and why not."""
        if not self._secrets:
            return None, None
        try:
            verify(self._secrets, headers, body, arrived // MS_PER_SECOND)
        except ValueError as error:
            return False, str(error)
        return True, None


def _describe(request: web.Request, body: bytes) -> dict[str, Any]:
    """Collect what is shown of a request; what it does not tell is absent."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = body.decode("utf-8", "replace")
    known = document if isinstance(document, dict) else {}
    headers = request.headers
    attempt = headers.get("X-Sendook-Attempt", "")
    facts = {
        "method": request.method,
        "path": request.path_qs,
        "event": headers.get("X-Sendook-Event") or known.get("event"),
        "eventId": headers.get("Webhook-Id") or known.get("eventId"),
        "delivery": headers.get("X-Sendook-Delivery"),
        "attempt": int(attempt) if _NUMBER.fullmatch(attempt) else None,
        "body": document,
    }
    return {name: value for name, value in facts.items() if value is not None}


def print_block(
    at: str, shown: dict[str, Any], *, verified: bool | None, reason: str | None
) -> None:
    """Print one request for people: a line of facts, then the body, shortened."""
    attempt = f"attempt {shown['attempt']}" if "attempt" in shown else None
    facts = [at, shown.get("event"), shown.get("eventId"), attempt]
    line = "  ".join(printable(str(fact)) for fact in facts if fact is not None)
    lines = printable(_pretty(shown["body"]), lines=True).split("\n")
    if len(lines) > _MAX_LINES:
        lines[_MAX_LINES:] = [f"… {len(lines) - _MAX_LINES:,} more lines"]
    place = f"{shown['method']} {printable(shown['path'])}"
    click.echo(f"{line}  {_verdict(verified, reason)}  {place}")
    click.echo("\n".join((*lines, "")))


def _pretty(body: Any) -> str:
    try:
        return json.dumps(shorten_within(body, _MAX_TEXT), indent=2, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown)"


def _verdict(verified: bool | None, reason: str | None) -> str:  # noqa: FBT001 - three-valued
    if verified is None:
        return "(signature not checked: no --secret)"
    if verified:
        return click.style("✓ verified", fg="green")
    return click.style(f"✗ not verified: {reason}", fg="red")


def _cause(error: OSError) -> str:
    """Return the system's words; asyncio wraps them in a sentence with the address."""
    text = (error.strerror or str(error)).rpartition(": ")[2]
    return text or "the system does not say why"
