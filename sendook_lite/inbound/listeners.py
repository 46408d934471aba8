"""Opens the sockets that local programs talk to: where a setting says, for whom it says.

A Unix socket is bound, given its group and mode, and only then made to listen. Until ``listen``
the kernel refuses every connection, so nobody slips in before the mode is right, and the umask,
which belongs to the whole process, is left alone.
"""

import contextlib
import errno
import grp
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sendook_lite.domain.errors import SendookError

MAX_UNIX_PATH = 107
"""Bytes of a path in ``sockaddr_un`` (unix(7)), the final NUL not counted."""

_BACKLOG = 128


class CannotListen(SendookError):
    """A socket cannot be opened as the settings ask; the message says what would mend it."""


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket at an absolute path."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP socket; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp:{host}:{self.port}"


Address = UnixAddress | TcpAddress


@dataclass(frozen=True, slots=True)
class Access:
    """Who may connect to a Unix socket: its mode, and its group when one is named."""

    mode: int
    group: str = ""


class Listener:
    """A listening socket, and the file that is to disappear with it."""

    def __init__(self, sock: socket.socket, address: Address, inode: int | None = None) -> None:
        self.sock = sock
        self.address = address
        self._inode = inode

    def close(self) -> None:
        """Close the socket and remove its file, unless another program put its own there."""
        self.sock.close()
        if isinstance(self.address, UnixAddress):
            with contextlib.suppress(OSError):
                if self.address.path.lstat().st_ino == self._inode:
                    self.address.path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def parse_address(setting: str, socket_dir: Path) -> Address | None:
    """Read ``unix:<path>``, ``tcp:<host>:<port>`` or, for off, the empty string.

    Args:
        setting: the setting, already judged by ``settings``.
        socket_dir: what a relative path is relative to.
    """
    kind, _, rest = setting.partition(":")
    if not setting:
        return None
    if kind == "unix":
        return UnixAddress(Path(os.path.abspath(socket_dir / rest)))  # noqa: PTH100 - resolve() would follow links
    host, _, port = rest.rpartition(":")
    return TcpAddress(host.removeprefix("[").removesuffix("]"), int(port))


def make_directory(path: Path, group: str = "") -> None:
    """Make the directory of the sockets: 0700, or 0750 for a group. One that exists is kept as is.

    Raises:
        CannotListen: it cannot be made, or the group does not exist or may not be used.
    """
    if path.is_dir():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
    except OSError as error:
        raise CannotListen(
            "cannot_listen", f"cannot make the directory {path}: {error.strerror}"
        ) from error
    if group:
        _give_to_group(path, group)
        path.chmod(0o750)


def listen(address: Address, access: Access) -> Listener:
    """Open a socket that listens.

    Raises:
        CannotListen: the address is in use, may not be used, or the group is not usable.
    """
    if isinstance(address, UnixAddress):
        return _listen_unix(address, access)
    return _listen_tcp(address)


def _listen_unix(address: UnixAddress, access: Access) -> Listener:
    path = address.path
    length = len(os.fsencode(path))
    if length > MAX_UNIX_PATH:
        raise CannotListen(
            "socket_path_too_long",
            f"{path} has {length} bytes, a Unix socket may have {MAX_UNIX_PATH}:"
            ' set server.socket_dir to a shorter directory, e.g. "/run/sendook"',
        )
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener = Listener(sock, address)
    try:
        sock.bind(os.fspath(path))
        listener = Listener(sock, address, path.lstat().st_ino)
        if access.group:
            _give_to_group(path, access.group)
        path.chmod(access.mode)
        sock.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(address, error) from error
    except CannotListen:
        listener.close()
        raise
    sock.setblocking(False)
    return listener


def _listen_tcp(address: TcpAddress) -> Listener:
    try:
        family, kind, proto, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:  # a name with an empty label is no text for the DNS
        raise CannotListen(
            "cannot_listen", f"cannot listen on {address}: there is no address {address.host}"
        ) from error
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise _cannot_bind(address, error) from error
    sock.setblocking(False)
    return Listener(sock, TcpAddress(address.host, sock.getsockname()[1]))


def _remove_stale(path: Path) -> None:
    """Remove the socket of a program that ended without doing so itself.

    Raises:
        CannotListen: what stands there is no socket, or somebody listens on it.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # nothing there, or a directory that `bind` has a better word about
    if not stat.S_ISSOCK(mode):
        raise CannotListen(
            "address_in_use",
            f"cannot listen on unix:{path}: a file that is no socket is in its place",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A full backlog must not hold the start up: it answers EAGAIN, which is an answer.
        probe.setblocking(False)
        answer = probe.connect_ex(os.fspath(path))
    if answer != errno.ECONNREFUSED:
        raise _in_use(UnixAddress(path))
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _give_to_group(path: Path, group: str) -> None:
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise CannotListen(
            "unknown_group", f"server.socket_group: there is no group {group!r} on this machine"
        ) from error
    try:
        os.chown(path, -1, number)
    except OSError as error:
        raise CannotListen(
            "group_not_allowed",
            f"server.socket_group: this user may not give files to the group {group!r};"
            f" make it a member (usermod -aG {group} <user>) and start again",
        ) from error


def _cannot_bind(address: Address, error: OSError) -> CannotListen:
    if error.errno == errno.EADDRINUSE:
        return _in_use(address)
    return CannotListen("cannot_listen", f"cannot listen on {address}: {error.strerror}")


def _in_use(address: Address) -> CannotListen:
    return CannotListen(
        "address_in_use", f"cannot listen on {address}: already in use by another program"
    )
