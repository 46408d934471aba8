"""``sendook-lite restore``: a copy takes the place of the database, which is kept."""

import os
from pathlib import Path

import click

from sendook_lite.cli.failure import DONE
from sendook_lite.cli.json_text import render_json
from sendook_lite.cli.options import json_option, settings_options
from sendook_lite.cli.places import find_places
from sendook_lite.cli.progress import progress


@click.command
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@json_option
@settings_options
def restore(*, source: Path, config: str | None, data_dir: str | None, as_json: bool) -> int:
    """Put the copy SRC in the place of the database. The server must not run.

    SRC is judged first; the database it replaces is kept beside it. What was delivered after the
    copy was made is not known to have been, and is sent again, with the same webhook-id.

    \b
    Exit codes:
      0   done
      1   refused: a server runs, or SRC is not sound; nothing was changed
    """  # noqa: D301 - the character itself tells click to keep the lines
    from sendook_lite.domain.clock import SystemClock  # noqa: PLC0415
    from sendook_lite.store.restore import restore as put_in_place  # noqa: PLC0415
    from sendook_lite.usecases.backups import stamp  # noqa: PLC0415

    directory = find_places(os.environ, config=config, data_dir=data_dir).data_dir
    with progress("restoring") as line:
        done = put_in_place(
            source.absolute(),
            directory,
            stamp(SystemClock().now()),
            going=line.going,
            progress=line.pages,
        )
    made = done.database
    facts = {
        "file": str(made.path),
        "bytes": made.size,
        "schema": made.version,
        "rows": made.rows,
        "replaced": None if done.replaced is None else str(done.replaced),
    }
    if as_json:
        click.echo(render_json(facts))
        return DONE
    click.echo(
        f"{made.path} is restored: {made.rows['messages']:,} messages,"
        f" {made.rows['events']:,} events"
    )
    if done.replaced is not None:
        click.echo(f"what was there is kept as {done.replaced}")
    return DONE
