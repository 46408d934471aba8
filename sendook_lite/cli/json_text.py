"""JSON for standard output: indented, in UTF-8, whatever texts it holds."""

import json
from typing import Any

import orjson


def render_json(value: Any) -> str:
    """Render a value; lone surrogates, which UTF-8 cannot hold, become escapes."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:
        return json.dumps(value, indent=2)
