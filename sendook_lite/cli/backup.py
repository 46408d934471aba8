"""``sendook-lite backup``: a copy of the database while the server goes on."""

import os
from pathlib import Path

import click

from sendook_lite.cli.failure import DONE, REFUSED, Failed
from sendook_lite.cli.json_text import render_json
from sendook_lite.cli.options import json_option, settings_options
from sendook_lite.cli.places import find_places
from sendook_lite.cli.progress import progress


@click.command
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path))
@json_option
@settings_options
def backup(*, destination: Path, config: str | None, data_dir: str | None, as_json: bool) -> int:
    """Copy the database to DEST, a new file or a directory.

    The copy is what was committed at one moment. It is read again from its file before it gets its
    name: SQLite's checks, our own, and the rows of every table counted on both sides. The server
    may run meanwhile, and need not. Whoever may read the data directory may do this.

    \b
    Exit codes:
      0   the copy is there, and sound
      1   it could not be made; nothing stands under its name
    """  # noqa: D301 - the character itself tells click to keep the lines
    # SQLite is of no use to most commands, and costs them time.
    from sendook_lite.domain.clock import SystemClock  # noqa: PLC0415
    from sendook_lite.store.backup import copy  # noqa: PLC0415
    from sendook_lite.store.database import DATABASE_NAME  # noqa: PLC0415
    from sendook_lite.usecases.backups import stamp  # noqa: PLC0415

    database = find_places(os.environ, config=config, data_dir=data_dir).data_dir / DATABASE_NAME
    if not database.is_file():
        raise Failed(f"there is no database at {database}; --data-dir says where it is", REFUSED)
    if destination.is_dir():
        destination /= f"sendook-{stamp(SystemClock().now())}.db"
    with progress() as line:
        made = copy(database, destination.absolute(), going=line.going, progress=line.pages)
    facts = {"file": str(made.path), "bytes": made.size, "schema": made.version, "rows": made.rows}
    click.echo(
        render_json(facts)
        if as_json
        else f"{made.path}  {made.size:,} bytes, sound"
        f" ({made.rows['messages']:,} messages, {made.rows['events']:,} events)"
    )
    return DONE
