"""Where settings come from, later ones winning: defaults, file, environment, command line.

``settings_layers`` reads and merges them; here the result is judged, and a mistake is reported with
file, line, key, value and what would be right.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from sendook_lite.settings import DEV_DEFAULTS, Settings
from sendook_lite.settings_layers import (
    CONFIG_VARIABLE,
    DEFAULT_FILES,
    ENVIRONMENT_PREFIX,
    BadSettings,
    read_layers,
)

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

__all__ = [
    "CONFIG_VARIABLE",
    "DEFAULT_FILES",
    "ENVIRONMENT_PREFIX",
    "BadSettings",
    "Loaded",
    "load",
]

SECRET_KEYS = frozenset(
    {
        ("relay", "url"),
        ("delivery", "proxy"),
        ("alerts", "webhook"),
        ("alerts", "heartbeat_url"),
    }
)
"""Values that may hold a password and are never shown."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings ready for use, and the file they came from, if any."""

    settings: Settings
    file: Path | None


def load(
    environment: Mapping[str, str],
    *,
    config: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    dev: bool = False,
    default_files: tuple[Path, ...] = DEFAULT_FILES,
) -> Loaded:
    """Read the settings from all sources.

    Args:
        environment: the process environment.
        config: the file named on the command line.
        options: values from the command line, by section and key.
        dev: start from the defaults of ``--dev``.
        default_files: where a file is looked for when none is named.

    Raises:
        BadSettings: naming source, key, value and what would be right.
    """
    merged = read_layers(
        environment,
        config=config,
        options=options,
        defaults=DEV_DEFAULTS if dev else {},
        default_files=default_files,
    )
    try:
        return Loaded(Settings.model_validate(merged.values), merged.file)
    except ValidationError as error:
        raise BadSettings([_mistake(each, merged.origins) for each in error.errors()]) from None


def _mistake(mistake: "ErrorDetails", origins: Mapping[tuple[str, ...], str]) -> str:
    """Say where a mistake stands, what stands there and what would be right."""
    place = tuple(str(part) for part in mistake["loc"])
    key = place[:2]
    origin = origins.get(key) or origins.get(key[:1], "settings")
    name = ".".join(key) + "".join(f"[{index}]" for index in place[2:])
    if mistake["type"] == "extra_forbidden":
        return f"{origin}: {name}: unknown setting{_suggest(key)}"
    if len(key) == 1:
        return f"{origin}: {name}: must be a section, [{name}], with its settings below it"
    shown = "(not shown)" if key in SECRET_KEYS else _shown(mistake["input"])
    return f"{origin}: {name} = {shown}: {_remedy(mistake)}"


def _remedy(mistake: "ErrorDetails") -> str:
    if mistake["type"] == "tuple_type":
        return 'must be a list such as ["a", "b"], in an environment variable too'
    text = mistake["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{text[:1].lower()}{text[1:]}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - one line of a terminal


def _suggest(key: tuple[str, ...]) -> str:
    """Say what could have been meant, and what there is."""
    *sections, given = key
    if sections:
        known = list(_fields_of(sections[0]))
        there_is = f"[{sections[0]}] has {', '.join(known)}"
    else:
        known = list(Settings.model_fields)
        there_is = f"the sections are {', '.join(known)}"
    close = get_close_matches(given, known, n=1)
    return f", did you mean {close[0]}? {there_is}" if close else f"; {there_is}"


def _fields_of(section: str) -> "dict[str, FieldInfo]":
    """Return the settings of a section by the names they have in the file."""
    kind = Settings.model_fields[section].annotation
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {each.alias or name: each for name, each in kind.model_fields.items()}
