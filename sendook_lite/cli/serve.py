"""``sendook-lite serve``: the main job, and what it prints on one screen."""

import asyncio
import gc
import os
import resource
import signal
import sys
from pathlib import Path

import click

from sendook_lite.app import App, Started
from sendook_lite.domain.errors import SendookError
from sendook_lite.logs import configure
from sendook_lite.settings import Settings
from sendook_lite.settings_sources import load
from sendook_lite.usecases.access import MIN_KEY_LENGTH

KEY_VARIABLE = "SENDOOK_API_KEY"
KEY_FILE = "admin.key"
MAX_DESCRIPTORS = 65_536


@click.command()
@click.option("--config", metavar="FILE", help="Settings file (TOML).")
@click.option("--data-dir", metavar="DIR", help="Where the database and the sockets live.")
@click.option("--listen", metavar="HOST:PORT", help="Address of the API and the dashboard.")
@click.option("--dev", is_flag=True, help="Defaults for trying things; not for production.")
def serve(config: str | None, data_dir: str | None, listen: str | None, *, dev: bool) -> None:
    """Take mail and events in, deliver webhooks, serve the API."""
    options = {"server": {"data_dir": data_dir, "listen": listen}}
    environment_key = os.environ.get(KEY_VARIABLE) or None
    settings = load(os.environ, config=config, options=options, dev=dev).settings
    _check_key(environment_key)
    configure(settings.log.format, settings.log.level)
    _allow_descriptors()
    _run(App(settings, environment_key=environment_key, dev=dev), settings, dev=dev)


def _check_key(key: str | None) -> None:
    if key is not None and len(key) < MIN_KEY_LENGTH:
        raise SendookError(
            "bad_settings", f"{KEY_VARIABLE}: must have at least {MIN_KEY_LENGTH} characters"
        )


def _allow_descriptors() -> None:
    """Use as many descriptors as the system allows; shells start programs with far fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _run(app: App, settings: Settings, *, dev: bool) -> None:
    """Run until SIGTERM or SIGINT; a second one ends at once.

    Raises:
        SendookError: it could not start.
    """
    import uvloop  # noqa: PLC0415 - only this command needs it

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()

        def end() -> None:
            if stop.is_set():
                os._exit(1)
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        await app.run(stop, lambda started: _tell(started, settings, dev=dev))

    _collect_seldom()
    try:
        uvloop.run(main())
    except* SendookError as group:
        raise group.exceptions[0] from None


def _collect_seldom() -> None:
    """Look for garbage in cycles a hundred times less often, and never among what was imported.

    Hardly anything of ours ends in a cycle, while every event makes objects that live until it is
    delivered: by default the collector takes a fifth of the time to look at them again and again.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _tell(started: Started, settings: Settings, *, dev: bool) -> None:
    """Print where everything is and what to do next."""
    lines = [
        "Sendook Lite is running.",
        "",
        f"  API        {started.addresses['api']}/v1",
        f"  dashboard  {started.addresses['api']}/",
        f"  mail       {started.addresses.get('lmtp', 'off')}  (LMTP)",
        f"  events     {started.addresses.get('events', 'off')}  (JSON lines)",
        f"  data       {started.data_dir}",
        f"  domains    {', '.join(settings.inbound.domains)}",
    ]
    if started.new_key is not None:
        lines += ["", *_key_lines(started.new_key, started.data_dir)]
    if dev:
        lines += [
            "",
            "  --dev: plain http and private networks are allowed, unknown recipients get an",
            "  inbox, mail stays here. Not for production.",
        ]
    lines += [
        "",
        "Next: sendook-lite receive --port 8466   in another terminal, and register",
        "      http://127.0.0.1:8466/ as a webhook; sendook-lite --help lists the rest.",
    ]
    click.echo("\n".join(lines))


def _key_lines(key: str, data_dir: Path) -> list[str]:
    """Show the first key on a terminal, else keep it in a file; it is never logged."""
    if sys.stdout.isatty():
        return [f"  API key    {key}", "             (shown once; keep it)"]
    path = data_dir / KEY_FILE
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key}\n")
    return [f"  API key    written to {path}"]
