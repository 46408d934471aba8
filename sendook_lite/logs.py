"""Sets up the log: one line per thing that matters, pretty on a terminal, JSON otherwise."""

import json
import logging
import sys
import time
from typing import Literal, TextIO, cast

import orjson
import structlog

from sendook_lite.domain.clock import iso


class _Unbreakable:
    """Writes lines where they can be written; a full disk or a closed pipe must break nothing."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except (OSError, ValueError):
            return 0

    def flush(self) -> None:
        """Do nothing: standard error writes every line as it comes."""


def _escape(
    _logger: structlog.typing.WrappedLogger, _name: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape what could steer a terminal: addresses and paths come from strangers."""
    return {
        name: repr(value) if isinstance(value, str) and not value.isprintable() else value
        for name, value in line.items()
    }


def _stamp(
    _logger: structlog.typing.WrappedLogger, _name: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    line["timestamp"] = iso(time.time_ns() // 1_000_000)
    return line


def _render(line: structlog.typing.EventDict, **_: object) -> str:
    """Render a line as JSON, whatever it holds."""
    try:
        return orjson.dumps(line, default=repr).decode()
    except TypeError:  # lone surrogates, of a path for instance, and numbers beyond 64 bits
        return json.dumps(line, default=repr)


def configure(form: Literal["auto", "pretty", "json"], level: str) -> None:
    """Configure structlog for the process; everything goes to standard error."""
    # Plain traces: those of rich print local variables, and with them keys and mail.
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    renderers: list[structlog.typing.Processor] = (
        [
            _escape,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                sort_keys=False,
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
        if pretty
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_render)]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _stamp,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Unbreakable(sys.stderr))),
        cache_logger_on_first_use=True,
    )
