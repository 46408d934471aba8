"""The command line: one entry point, commands that are loaded only when they are called."""

import os
import sys
from collections.abc import Sequence

import click

from sendook_lite import __version__
from sendook_lite.cli.failure import (
    DONE,
    INTERRUPTED,
    REFUSED,
    WRONG_USE,
    Failed,
    describe_defect,
)
from sendook_lite.cli.lazy import LazyCommand, LazyGroup
from sendook_lite.domain.errors import SendookError

PROGRAM = "sendook-lite"

COMMANDS = {
    "serve": LazyCommand("sendook_lite.cli.serve:serve", "Run the server."),
    "ingest": LazyCommand(
        "sendook_lite.cli.ingest:ingest", "Hand in one mail; for pipe transports and .forward."
    ),
    "read": LazyCommand(
        "sendook_lite.cli.read:read", "Show what is understood of a mail; stores nothing."
    ),
    "emit": LazyCommand("sendook_lite.cli.emit:emit", "Hand in events, one JSON object per line."),
    "follow": LazyCommand(
        "sendook_lite.cli.follow:follow", "Turn a mail server's log into events."
    ),
    "receive": LazyCommand(
        "sendook_lite.cli.receive:receive", "Receive webhooks: verify, print, answer."
    ),
    "listen": LazyCommand(
        "sendook_lite.cli.listen:listen", "Show events as they happen; or forward them."
    ),
    "webhooks": LazyCommand(
        "sendook_lite.cli.webhooks:webhooks", "List, create, change and test webhooks."
    ),
    "inboxes": LazyCommand(
        "sendook_lite.cli.inboxes:inboxes", "List, create, rename and delete inboxes."
    ),
    "messages": LazyCommand("sendook_lite.cli.messages:messages", "List, show and send messages."),
    "suppressions": LazyCommand(
        "sendook_lite.cli.suppressions:suppressions", "Show which addresses get no mail, and why."
    ),
    "events": LazyCommand("sendook_lite.cli.events:events", "List and show events."),
    "deliveries": LazyCommand(
        "sendook_lite.cli.deliveries:deliveries", "Show what became of events at webhooks."
    ),
    "domains": LazyCommand(
        "sendook_lite.cli.domains:domains", "Add and verify domains; make a DKIM key."
    ),
    "keys": LazyCommand("sendook_lite.cli.keys:keys", "List, create and delete API keys."),
    "status": LazyCommand("sendook_lite.cli.status:status", "Show what is running."),
    "doctor": LazyCommand(
        "sendook_lite.cli.doctor:doctor", "Find what is wrong, and the command that mends it."
    ),
    "backup": LazyCommand(
        "sendook_lite.cli.backup:backup", "Copy the database, in use or not; verified."
    ),
    "restore": LazyCommand(
        "sendook_lite.cli.restore:restore", "Put a copy in the place of the database."
    ),
    "check": LazyCommand("sendook_lite.cli.check:check", "Say whether the database is sound."),
    "config": LazyCommand("sendook_lite.cli.config:config", "Write or check a settings file."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name=PROGRAM)
@click.pass_context
def root(context: click.Context) -> None:
    """Turn e-mail into signed, retried, never-lost webhooks.

    Try it: `sendook-lite serve --dev`, then `sendook-lite receive` in a second terminal.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


def main() -> None:
    """Run the program; the entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no trace is shown.

    Raises:
        SystemExit: click ends quietly, with 1, when nobody reads the output any more.
    """
    try:
        code = root.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except click.Abort:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door before the shell
        return _explain(error)
    return code if isinstance(code, int) else DONE


def _explain(error: Exception) -> int:
    """Tell what went wrong, in a sentence; returns the exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, SendookError):
        _complain(error.message)
        if isinstance(error, Failed):
            return error.exit_code
        return WRONG_USE if error.code == "bad_settings" else REFUSED
    _complain(describe_defect(error))
    return REFUSED


def _complain(message: str) -> None:
    click.echo(f"{PROGRAM}: {message}", err=True)
