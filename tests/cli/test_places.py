from pathlib import Path

import pytest

from sendook_lite.cli import places
from sendook_lite.cli.places import find_places
from sendook_lite.inbound.listeners import TcpAddress, UnixAddress
from sendook_lite.settings import Settings
from sendook_lite.settings_layers import BadSettings


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = Settings()
    for (section, key), value in places.DEFAULTS.items():
        assert getattr(getattr(settings, section), key) == value


def test_relative_sockets_are_in_the_socket_directory_which_is_the_data_directory(
    here: Path,
) -> None:
    found = find_places({"SENDOOK_SERVER__DATA_DIR": "d"})
    assert found.admin == here / "d" / "admin.sock"
    assert found.lmtp == UnixAddress(here / "d" / "lmtp.sock")
    found = find_places({"SENDOOK_SERVER__SOCKET_DIR": "s"}, data_dir="d")
    assert found.admin == here / "d" / "admin.sock"
    assert found.events == UnixAddress(here / "s" / "events.sock")


def test_tcp_and_off_are_places_too(here: Path) -> None:
    (here / "sendook.toml").write_text('[inbound]\nlmtp = "tcp:[::1]:24"\nevents = ""\n')
    found = find_places({})
    assert (found.lmtp, found.events) == (TcpAddress("::1", 24), None)


def test_what_is_no_text_is_reported_with_its_line(here: Path) -> None:
    (here / "sendook.toml").write_text("[server]\ndata_dir = 7\n")
    with pytest.raises(BadSettings, match=r"sendook.toml, line 2: server.data_dir: must be text"):
        find_places({})


def test_a_section_that_is_none_leaves_the_defaults_to_whoever_only_looks(here: Path) -> None:
    (here / "sendook.toml").write_text("server = 7\n")
    assert find_places({}).data_dir == here / "sendook_data"
