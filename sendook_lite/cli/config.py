"""``sendook-lite config``: writes an example of the settings file, and checks one."""

import os
from importlib import resources
from pathlib import Path

import click

from sendook_lite.cli.failure import DONE, REFUSED, WRONG_USE, Failed
from sendook_lite.settings_layers import from_environment

EXAMPLE = "sendook.example.toml"


@click.group
def config() -> None:
    """Write or check a settings file."""


@config.command("init")
@click.argument("path", default="sendook.toml")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def init(*, path: str, force: bool) -> None:
    """Write a settings file with every setting, its default and what it is for."""
    text = example_text()
    try:
        with Path(path).open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Failed(f"{path} exists already; --force replaces it", REFUSED) from error
    except OSError as error:
        raise Failed(f"{path}: cannot be written: {error.strerror}", REFUSED) from error
    click.echo(f"{path} is written. Change it, then: sendook-lite config check --config {path}")


@config.command("check")
@click.option("--config", "file", metavar="FILE", help="Settings file, if not as `serve` finds it.")
def check(*, file: str | None) -> int:
    """Check the settings: prints where they come from, or every mistake."""
    # pydantic takes longer to load than all other commands take to run.
    from sendook_lite.settings_sources import BadSettings, load  # noqa: PLC0415

    try:
        loaded = load(os.environ, config=file)
    except BadSettings as error:
        raise Failed(error.message, WRONG_USE) from error
    given = sum(map(len, from_environment(os.environ).values.values()))
    click.echo("ok")
    click.echo(f"  file         {loaded.file or 'none; defaults'}")
    click.echo(f"  environment  {given} {'setting' if given == 1 else 'settings'}")
    return DONE


def example_text() -> str:
    """Return the example: from the installed package, or from the root of the source tree."""
    package = resources.files("sendook_lite")
    for place in (package / EXAMPLE, package / ".." / EXAMPLE):
        if place.is_file():
            return place.read_text("utf-8")
    raise Failed(f"this installation has no {EXAMPLE}")
