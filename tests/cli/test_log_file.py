"""A log file is read whole and once, whatever happens to it meanwhile."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from sendook_lite.cli.log_file import LogFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.log"


Follow = Callable[..., LogFile]


@pytest.fixture
def follow(path: Path) -> Iterator[Follow]:
    """Follow the log from a place on; what is open at the end is closed."""
    with ExitStack() as stack:

        def start(place: dict[str, Any] | None = None, *, from_start: bool = False) -> LogFile:
            log = LogFile(path, place, from_start=from_start)
            stack.callback(log.close)
            return log

        yield start


def write(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def drain(log: LogFile) -> list[str]:
    """Read until nothing comes any more; a file that ends is gone on from with the next call."""
    lines: list[str] = []
    idle = 0
    while idle < 4:
        read = [line.decode() for line in log.read()]
        idle = 0 if read else idle + 1
        lines += read
    return lines


def stop(log: LogFile) -> dict[str, Any]:
    """Stop; returns the place as it comes back from where it was saved."""
    place = log.place()
    log.close()
    return dict(orjson.loads(orjson.dumps(place)))


def test_it_begins_at_the_end_or_at_the_start(path: Path, follow: Follow) -> None:
    write(path, "old")
    end, start = follow(), follow(from_start=True)
    write(path, "new")
    assert drain(end) == ["new"]
    assert drain(start) == ["old", "new"]


def test_half_a_line_waits_for_its_other_half(path: Path, follow: Follow) -> None:
    log = follow()
    assert drain(log) == []
    for half in ("ha", "lf\nother\nre"):
        with path.open("a") as file:
            file.write(half)
        lines = drain(log)
    assert lines == ["half", "other"]
    write(path, "st")
    assert drain(follow(stop(log))) == ["rest"]


def test_half_a_line_at_the_first_start_is_still_to_come(path: Path, follow: Follow) -> None:
    path.write_text("old\nha")
    log = follow()
    write(path, "lf")
    assert drain(log) == ["half"]


def test_a_line_without_end_does_not_hold_everything_up(path: Path, follow: Follow) -> None:
    log = follow(from_start=True)
    write(path, "x" * 200_000, "next")
    lines = drain(log)
    assert "".join(lines[:-1]) == "x" * 200_000
    assert lines[-1] == "next"


def test_a_renamed_file_is_read_to_its_end_and_the_new_one_follows(
    path: Path, follow: Follow
) -> None:
    log = follow(from_start=True)
    write(path, "1")
    assert drain(log) == ["1"]
    old = path.rename(path.with_name("mail.log.1"))
    write(old, "2")
    assert drain(log) == ["2"]
    path.touch()
    write(old, "3")  # the logger has not been told yet
    assert drain(log) == ["3"]
    write(old, "4")
    write(path, "5")
    assert drain(log) == ["4", "5"]


def test_a_truncated_file_is_read_from_its_copy_and_then_anew(path: Path, follow: Follow) -> None:
    log = follow(from_start=True)
    write(path, "1")
    assert drain(log) == ["1"]
    write(path, "2")
    shutil.copy2(path, path.with_name("mail.log.1"))
    path.write_text("")
    assert drain(log) == ["2"]
    write(path, "3")
    assert drain(log) == ["3"]


def test_a_truncation_is_seen_when_the_file_is_longer_again(path: Path, follow: Follow) -> None:
    log = follow(from_start=True)
    write(path, "1")
    assert drain(log) == ["1"]
    path.write_text("2 is longer\nthan 1 was\n")
    assert drain(log) == ["2 is longer", "than 1 was"]


@pytest.mark.parametrize(
    "names", [("mail.log.2", "mail.log.1"), ("mail.log-0101", "mail.log-0102")]
)
def test_a_restart_catches_up_over_several_rotations(
    path: Path, follow: Follow, names: tuple[str, str]
) -> None:
    log = follow(from_start=True)
    write(path, "1")
    assert drain(log) == ["1"]
    place = stop(log)
    write(path, "2")
    path.rename(path.with_name(names[0]))
    write(path, "3")
    path.rename(path.with_name(names[1]))
    write(path, "4")
    write(path.with_name("mail.log.7.gz"), "not a log")
    assert drain(follow(place)) == ["2", "3", "4"]


def test_a_restart_after_copytruncate_goes_on_in_the_copy(path: Path, follow: Follow) -> None:
    log = follow(from_start=True)
    write(path, "1")
    assert drain(log) == ["1"]
    place = stop(log)
    write(path, "2")
    shutil.copy2(path, path.with_name("mail.log.1"))
    path.write_text("3\n")
    assert drain(follow(place)) == ["2", "3"]


def test_a_place_that_is_gone_means_that_all_of_the_file_is_new(path: Path, follow: Follow) -> None:
    log = follow(from_start=True)
    write(path, "1")
    assert drain(log) == ["1"]
    place = stop(log)
    path.unlink()
    write(path, "2")
    assert drain(follow(place)) == ["2"]


def test_a_file_that_is_not_there_yet_is_waited_for(path: Path, follow: Follow) -> None:
    log = follow()
    again = follow(stop(log))
    write(path, "1")
    assert drain(again) == ["1"]
