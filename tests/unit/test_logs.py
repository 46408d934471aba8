"""The log: lines for people or machines, and nothing that a log can do breaks the program."""

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from sendook_lite.logs import configure


class Broken(io.StringIO):
    """A file on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_line_is_json_for_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    configure("json", "info")
    structlog.get_logger().info("told", what="this")
    structlog.get_logger().debug("not told")
    (line,) = lines.getvalue().splitlines()
    assert json.loads(line)["what"] == "this"


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_a_log_that_cannot_be_written_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken())
    configure(form, "info")  # type: ignore[arg-type]
    structlog.get_logger().error("the disk is full")


def test_what_strangers_sent_cannot_steer_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    configure("pretty", "info")
    structlog.get_logger().info("refused", recipient="\x1b[2Jann@example.org", path="/v1/a\r\nb")
    (line,) = lines.getvalue().splitlines()
    assert "\x1b" not in line
    assert "\\x1b[2Jann@example.org" in line


def test_what_no_json_can_hold_is_logged_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    structlog.get_logger("test").info("odd", path="/tmp/\udce4", number=2**70, thing=object())
    line = json.loads(capsys.readouterr().err)
    assert line["path"] == "/tmp/\udce4"
    assert line["number"] == 2**70
    assert line["thing"].startswith("<object object")
