"""What the commands of every resource share: addressing, lists of any length, asking first."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from sendook_lite.cli.client import Client
from sendook_lite.cli.failure import Failed
from sendook_lite.cli.json_text import render_json

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_LIMIT = 100


def fetch_list(client: Client, path: str, query: Mapping[str, str | None], limit: int) -> list[Any]:
    """Return the first ``limit`` of a list, page after page; a query of None is left out."""
    asked = {name: value for name, value in query.items() if value is not None}
    return client.list_all(path, asked, limit)


def show(document: Any, lay_out: Callable[[Any], str], *, as_json: bool) -> None:
    """Print an answer: as the API gave it, or laid out."""
    click.echo(render_json(document) if as_json else lay_out(document))


def confirm(question: str, *, yes: bool) -> None:
    """Ask once, unless told that it is meant.

    Raises:
        Failed: it is not.
    """
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise Failed("nothing was deleted (with --yes nobody is asked)")


def limit_option(command: F) -> F:
    """Add ``--limit``: how much of a list is shown."""
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=DEFAULT_LIMIT,
        show_default=True,
        metavar="N",
        help="Show so many at most.",
    )(command)


def yes_option(command: F) -> F:
    """Add ``--yes``: do it without asking."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def id_argument(command: F) -> F:
    """Add the id of what is meant."""
    return click.argument("identifier", metavar="ID")(command)
