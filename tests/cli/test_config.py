from importlib import resources
from pathlib import Path

import pytest

from sendook_lite.cli import config
from tests.cli.conftest import Command, Outcome

EXAMPLE = '# an example\n[server]\nlisten = "127.0.0.1:8465"\n'


@pytest.fixture
def package(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place that is taken for the installed package."""
    package = here / "root" / "sendook_lite"
    package.mkdir(parents=True)
    monkeypatch.setattr(config.resources, "files", lambda _: package)
    return package


@pytest.mark.parametrize("place", [".", ".."])
def test_the_example_is_in_the_package_or_beside_it(
    command: Command, here: Path, package: Path, place: str
) -> None:
    (package / place / config.EXAMPLE).write_text(EXAMPLE)
    assert command("config", "init").code == 0
    assert (here / "sendook.toml").read_text() == EXAMPLE
    assert command("config", "init", "other.toml").code == 0
    assert (here / "other.toml").read_text() == EXAMPLE


def test_a_file_that_exists_is_replaced_only_by_force(
    command: Command, here: Path, package: Path
) -> None:
    (package / config.EXAMPLE).write_text(EXAMPLE)
    (here / "sendook.toml").write_text("mine")
    ended = command("config", "init")
    assert ended.code == 1
    assert "--force" in ended.err
    assert (here / "sendook.toml").read_text() == "mine"
    assert command("config", "init", "--force").code == 0
    assert (here / "sendook.toml").read_text() == EXAMPLE


def test_a_place_that_cannot_be_written_is_told(command: Command, package: Path) -> None:
    (package / config.EXAMPLE).write_text(EXAMPLE)
    ended = command("config", "init", "absent/sendook.toml")
    assert ended == Outcome(
        1, "", "sendook-lite: absent/sendook.toml: cannot be written: No such file or directory\n"
    )


def test_an_installation_without_the_example_says_so(command: Command, package: Path) -> None:
    assert package.is_dir()
    assert command("config", "init").code == 1


def test_check_says_where_the_settings_come_from(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("config", "check").out.split() == [
        *("ok", "file", "none;", "defaults"),
        *("environment", "0", "settings"),
    ]
    (here / "sendook.toml").write_text(EXAMPLE)
    monkeypatch.setenv("SENDOOK_SERVER__LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("SENDOOK_API_KEY", "is no setting")
    ended = command("config", "check")
    assert ended == Outcome(0, "ok\n  file         sendook.toml\n  environment  1 setting\n", "")


def test_check_ends_with_2_and_names_every_mistake(command: Command, here: Path) -> None:
    (here / "bad.toml").write_text('[server]\nlisten = "nowhere"\n[nonsense]\n')
    ended = command("config", "check", "--config", "bad.toml")
    assert (ended.code, ended.out) == (2, "")
    assert 'bad.toml, line 2: server.listen = "nowhere"' in ended.err
    assert "nonsense: unknown setting" in ended.err
    assert command("config", "check", "--config", "absent.toml").code == 2


def test_the_shipped_example_is_found_and_passes_the_check(command: Command, here: Path) -> None:
    root = resources.files("sendook_lite") / ".." / config.EXAMPLE
    assert root.is_file()
    assert command("config", "init", "--force").code == 0
    assert command("config", "check").code == 0
    assert (here / "sendook.toml").read_text("utf-8") == root.read_text("utf-8")
