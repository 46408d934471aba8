"""Reads settings as they stand in file, environment and options, and merges them; judges nothing.

Every value remembers its origin, so that a wrong one is reported with file, line and key. Kept free
of pydantic, whose import costs more than all of this: commands that only look for a socket come
here directly.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sendook_lite.domain.errors import SendookError

ENVIRONMENT_PREFIX = "SENDOOK_"
CONFIG_VARIABLE = "SENDOOK_CONFIG"
DEFAULT_FILES = (Path("sendook.toml"), Path("/etc/sendook-lite/sendook.toml"))


class BadSettings(SendookError):
    """The settings cannot be used; the message has one line per mistake."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("bad_settings", "\n".join(mistakes))


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one source. ``origins`` says where each section or key stood."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[tuple[str, ...], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Merged:
    """Settings of all sources laid over one another, and the file among them, if any."""

    values: dict[str, Any]
    origins: dict[tuple[str, ...], str]
    file: Path | None


def read_layers(
    environment: Mapping[str, str],
    *,
    config: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
    default_files: tuple[Path, ...] = DEFAULT_FILES,
) -> Merged:
    """Read all sources and merge them by section and key, later ones winning.

    Args:
        environment: the process environment.
        config: the file named on the command line.
        options: values from the command line, by section and key.
        defaults: what stands below all sources, when it differs from the built-in defaults.
        default_files: where a file is looked for when none is named.

    Raises:
        BadSettings: a source cannot be read.
    """
    file = _find_file(environment, config, default_files)
    layers = [Layer({section: dict(values) for section, values in (defaults or {}).items()})]
    if file is not None:
        layers.append(_from_file(file))
    layers.append(from_environment(environment))
    layers.append(_from_options(options or {}))
    return _merge(layers, file)


def _merge(layers: Iterable[Layer], file: Path | None) -> Merged:
    values: dict[str, Any] = {}
    origins: dict[tuple[str, ...], str] = {}
    for layer in layers:
        for section, given in layer.values.items():
            if not isinstance(given, Mapping):
                values[section] = given
            elif isinstance(section_so_far := values.setdefault(section, {}), dict):
                section_so_far.update(given)
            # Else a plain value stands where a section belongs; it stays, to be reported.
        origins |= layer.origins
    return Merged(values, origins, file)


def _find_file(
    environment: Mapping[str, str], config: str | None, default_files: tuple[Path, ...]
) -> Path | None:
    named = config or environment.get(CONFIG_VARIABLE)
    if named:
        path = Path(named)
        if not path.is_file():
            raise BadSettings(
                [f"{path}: there is no such file (named by --config or {CONFIG_VARIABLE})"]
            )
        return path
    return next((path for path in default_files if path.is_file()), None)


def _from_file(path: Path) -> Layer:
    try:
        text = path.read_text("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise BadSettings([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise BadSettings([f"{path}: is not UTF-8 text"]) from error
    except tomllib.TOMLDecodeError as error:
        raise BadSettings([f"{path}: is not valid TOML: {error}"]) from error
    return Layer(values, _lines_of(text, path))


_TABLE = re.compile(r"\s*\[\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*([\w-]+)(?:\s*\.\s*([\w-]+))?\s*=")


def _lines_of(text: str, path: Path) -> dict[tuple[str, ...], str]:
    """Find the line on which each section and key stands; tomllib does not tell."""
    origins: dict[tuple[str, ...], str] = {}
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _TABLE.match(line):
            section = tuple(match[1].split("."))
            origins.setdefault(section, f"{path}, line {number}")
        elif match := _KEY.match(line):
            key = (*section, *(part for part in match.groups() if part))
            origins.setdefault(key, f"{path}, line {number}")
    return origins


def from_environment(environment: Mapping[str, str]) -> Layer:
    """Read ``SENDOOK_<SECTION>__<KEY>``; lists and tables are JSON, anything else is text.

    What only looks like JSON is text as well (``[::1]:8465``); where a list belongs it is reported.
    """
    layer = Layer()
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or "__" not in variable:
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        layer.origins[section, key] = f"environment variable {variable}"
        value: Any = text
        if text.lstrip().startswith(("[", "{")):
            with suppress(json.JSONDecodeError):
                value = json.loads(text)
        layer.values.setdefault(section, {})[key] = value
    return layer


def _from_options(options: Mapping[str, Mapping[str, Any]]) -> Layer:
    layer = Layer()
    for section, values in options.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            layer.values[section] = given
            for key in given:
                layer.origins[section, key] = f"option --{key.replace('_', '-')}"
    return layer
