"""Connects to a socket of the server on this machine, or says what would help."""

import socket
from collections.abc import Mapping
from typing import Literal

from sendook_lite.cli.failure import TRY_AGAIN, Failed
from sendook_lite.cli.places import find_places
from sendook_lite.inbound.listeners import MAX_UNIX_PATH, Address, UnixAddress

CONNECT_SECONDS = 10.0


def find_door(
    door: Literal["lmtp", "events"],
    environment: Mapping[str, str],
    *,
    config: str | None,
    data_dir: str | None,
) -> Address:
    """Return where the settings say that a door is.

    Raises:
        Failed: it is switched off.
        BadSettings: the settings cannot be read.
    """
    places = find_places(environment, config=config, data_dir=data_dir)
    address = places.lmtp if door == "lmtp" else places.events
    if address is None:
        raise Failed(f'inbound.{door} is switched off ("") in the settings', TRY_AGAIN)
    return address


def connect(address: Address, timeout: float | None = None) -> socket.socket:
    """Connect; the socket then waits at most ``timeout`` seconds (None: for ever) at each step.

    Raises:
        Failed: nobody answers there, or this user may not.
    """
    try:
        if isinstance(address, UnixAddress):
            connected = _connect_unix(address)
        else:
            connected = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    except OSError as error:
        raise Failed(describe_refusal(str(address), error), TRY_AGAIN) from error
    connected.settimeout(timeout)
    return connected


def describe_refusal(place: str, error: OSError) -> str:
    """Say why nobody could be reached at a place, and what to do about it."""
    if isinstance(error, PermissionError):
        return (
            f"{place}: this user may not open it. "
            "Become the user of the server, or join the group named in server.socket_group."
        )
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return (
            f"no server answers at {place}. "
            "Start one with `sendook-lite serve`, or say where it is (see --help)."
        )
    return f"{place} cannot be reached: {error.strerror or error}"


def _connect_unix(address: UnixAddress) -> socket.socket:
    if len(bytes(address.path)) > MAX_UNIX_PATH:
        raise OSError(0, f"the path is longer than {MAX_UNIX_PATH} bytes")
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connected.settimeout(CONNECT_SECONDS)
    try:
        connected.connect(str(address.path))
    except OSError:
        connected.close()
        raise
    return connected
