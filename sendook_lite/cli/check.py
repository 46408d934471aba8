"""``sendook-lite check``: whether the database, or a copy of it, is sound."""

import os
from pathlib import Path

import click

from sendook_lite.cli.failure import DONE, REFUSED, Failed
from sendook_lite.cli.json_text import render_json
from sendook_lite.cli.options import json_option, settings_options
from sendook_lite.cli.places import find_places
from sendook_lite.cli.progress import progress
from sendook_lite.cli.terminal import table


@click.command
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option
@settings_options
def check(*, file: Path | None, config: str | None, data_dir: str | None, as_json: bool) -> int:
    """Check the database, or the copy in FILE. Reads all of it and changes nothing.

    SQLite's integrity check, every reference between tables, and what the schema promises, such as
    that a delivery is due exactly when it is pending. The server may run meanwhile.

    \b
    Exit codes:
      0   sound
      1   not sound; what is wrong is listed
    """  # noqa: D301 - the character itself tells click to keep the lines
    from sendook_lite.store.database import DATABASE_NAME  # noqa: PLC0415
    from sendook_lite.store.soundness import examine, is_still  # noqa: PLC0415

    path = (
        file or find_places(os.environ, config=config, data_dir=data_dir).data_dir / DATABASE_NAME
    )
    if not path.is_file():
        raise Failed(f"there is no database at {path}", REFUSED)
    with progress() as line:
        found = examine(path, still=file is not None and is_still(path), going=line.going)
    facts = {
        "file": str(path),
        "sound": not found.problems,
        "schema": found.version,
        "rows": found.rows,
        "problems": list(found.problems),
    }
    click.echo(render_json(facts) if as_json else _as_text(facts))
    return REFUSED if found.problems else DONE


def _as_text(facts: dict[str, object]) -> str:
    rows, problems = facts["rows"], facts["problems"]
    assert isinstance(rows, dict)  # noqa: S101 - made above
    assert isinstance(problems, list)  # noqa: S101 - made above
    counted = table(["table", "rows"], [[name, f"{count:,}"] for name, count in rows.items()])
    if problems:
        return "\n".join([f"{facts['file']} is NOT sound:", *(f"  {each}" for each in problems)])
    return f"{counted}\n\n{facts['file']} is sound (schema {facts['schema']})"
