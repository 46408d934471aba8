"""Keeps secrets off the screen and out of pipes unless they are asked for.

A secret, and the values of a webhook's own headers (``Authorization`` is one of them), are hidden
in whatever shows a webhook, ``--json`` included. The commands whose answer *is* a secret print it:
``keys create``, ``webhooks create``, ``webhooks secret`` and ``webhooks rotate``.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

HIDDEN: Final = "(hidden, see --show-secrets)"


def secrets_option(command: F) -> F:
    """Add ``--show-secrets``."""
    return click.option(
        "--show-secrets", is_flag=True, help="Show secrets and the values of headers."
    )(command)


def redact(webhook: dict[str, Any], *, show_secrets: bool) -> dict[str, Any]:
    """Return a webhook as it may be shown."""
    if show_secrets:
        return webhook
    shown = dict(webhook)
    if "secret" in shown:
        shown["secret"] = HIDDEN
    if "headers" in shown:
        shown["headers"] = dict.fromkeys(shown["headers"], HIDDEN)
    return shown
