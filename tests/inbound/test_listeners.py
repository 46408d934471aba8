"""Sockets are opened where a setting says, for whom it says, and leave nothing behind."""

import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from sendook_lite.inbound.listeners import (
    Access,
    CannotListen,
    TcpAddress,
    UnixAddress,
    listen,
    make_directory,
    parse_address,
)

ANYONE = Access(0o660)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _own_group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ("", None),
        ("unix:lmtp.sock", UnixAddress(Path("/run/s/lmtp.sock"))),
        ("unix:/tmp/x.sock", UnixAddress(Path("/tmp/x.sock"))),
        ("tcp:127.0.0.1:2424", TcpAddress("127.0.0.1", 2424)),
        ("tcp:[::1]:2424", TcpAddress("::1", 2424)),
    ],
)
def test_a_setting_names_an_address(setting: str, address: object) -> None:
    assert parse_address(setting, Path("/run/s")) == address


@pytest.mark.parametrize("text", ["unix:/run/x.sock", "tcp:127.0.0.1:2424", "tcp:[::1]:2424"])
def test_an_address_is_shown_as_it_is_set(text: str) -> None:
    assert str(parse_address(text, Path("/"))) == text


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_unix_socket_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x.sock"
    before = os.umask(0o077)
    try:
        with listen(UnixAddress(path), Access(mode)):
            assert _mode(path) == mode
    finally:
        os.umask(before)


def test_a_unix_socket_disappears_when_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    listener = listen(UnixAddress(path), ANYONE)
    assert path.exists()
    listener.close()
    assert not path.exists()


def test_a_socket_that_another_program_put_there_since_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    listener = listen(UnixAddress(path), ANYONE)
    # Both exist for a moment, or the second would be given the number of the first.
    path.rename(tmp_path / "moved")
    with listen(UnixAddress(path), ANYONE):
        listener.close()
        assert path.exists()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listen(UnixAddress(path), ANYONE), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_socket_somebody_listens_on_is_not_taken_away(tmp_path: Path) -> None:
    address = UnixAddress(tmp_path / "x.sock")
    with listen(address, ANYONE):
        with pytest.raises(CannotListen, match="already in use by another program") as caught:
            listen(address, ANYONE)
        assert caught.value.code == "address_in_use"
        assert address.path.exists()


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    path.write_text("precious")
    with pytest.raises(CannotListen, match="no socket is in its place"):
        listen(UnixAddress(path), ANYONE)
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_names_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    with pytest.raises(CannotListen, match=r"set server\.socket_dir") as caught:
        listen(UnixAddress(path), ANYONE)
    assert caught.value.code == "socket_path_too_long"


def test_the_longest_path_that_fits_is_taken(tmp_path: Path) -> None:
    path = tmp_path / ("x" * (107 - len(os.fsencode(tmp_path)) - 1))
    with listen(UnixAddress(path), ANYONE):
        assert path.exists()


def test_a_directory_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match="No such file or directory"):
        listen(UnixAddress(tmp_path / "no" / "x.sock"), ANYONE)


def test_a_socket_is_given_to_its_group(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with listen(UnixAddress(path), Access(0o660, _own_group())):
        assert path.stat().st_gid == os.getgid()
        assert _mode(path) == 0o660


def test_a_group_that_does_not_exist_is_named_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with pytest.raises(CannotListen, match="no group 'no-such-group'") as caught:
        listen(UnixAddress(path), Access(0o660, "no-such-group"))
    assert caught.value.code == "unknown_group"
    assert not path.exists()


def test_a_group_one_may_not_use_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)  # the tests may run as root, who may do anything
    with pytest.raises(CannotListen, match="usermod -aG") as caught:
        listen(UnixAddress(tmp_path / "x.sock"), Access(0o660, _own_group()))
    assert caught.value.code == "group_not_allowed"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("group", "mode"), [("", 0o700), (_own_group(), 0o750)])
def test_the_directory_of_the_sockets_is_closed_to_others(
    tmp_path: Path, group: str, mode: int
) -> None:
    make_directory(tmp_path / "a" / "b", group)
    assert _mode(tmp_path / "a" / "b") == mode


def test_a_directory_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    make_directory(tmp_path, _own_group())
    assert _mode(tmp_path) == 0o711


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotListen, match="cannot make the directory"):
        make_directory(tmp_path / "file" / "sockets")


def test_a_tcp_socket_tells_the_port_it_was_given() -> None:
    with listen(TcpAddress("127.0.0.1", 0), ANYONE) as listener:
        assert isinstance(listener.address, TcpAddress)
        with socket.create_connection(("127.0.0.1", listener.address.port)):
            pass


def test_a_tcp_port_in_use_is_told() -> None:
    with (
        listen(TcpAddress("127.0.0.1", 0), ANYONE) as listener,
        pytest.raises(CannotListen, match="already in use by another program"),
    ):
        listen(listener.address, ANYONE)


@pytest.mark.parametrize("host", ["a..b", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_told(host: str) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on tcp:{host}"):
        listen(TcpAddress(host, 0), ANYONE)
