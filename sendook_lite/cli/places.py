"""Where a server on this machine is found: its sockets, read from the same settings it reads.

Without pydantic: only four texts are needed, and loading the whole model takes longer than handing
in a mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sendook_lite.inbound.listeners import Address, parse_address
from sendook_lite.settings_layers import BadSettings, read_layers

DEFAULTS = {
    ("server", "listen"): "127.0.0.1:8465",
    ("server", "data_dir"): "./sendook_data",
    ("server", "socket_dir"): "",
    ("inbound", "lmtp"): "unix:lmtp.sock",
    ("inbound", "events"): "unix:events.sock",
}
"""The defaults of `Settings`; a test holds the two together."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a server listens. ``lmtp`` and ``events`` are None when they are off."""

    data_dir: Path
    listen: str
    admin: Path
    lmtp: Address | None
    events: Address | None


def find_places(
    environment: Mapping[str, str], *, config: str | None = None, data_dir: str | None = None
) -> Places:
    """Find the places from file, environment and options.

    Raises:
        BadSettings: the settings cannot be read.
    """
    merged = read_layers(environment, config=config, options={"server": {"data_dir": data_dir}})

    def text(section: str, key: str) -> str:
        values = merged.values.get(section, {})
        value: Any = values.get(key) if isinstance(values, Mapping) else None
        if value is None:
            return DEFAULTS[section, key]
        if isinstance(value, str):
            return value
        origin = merged.origins.get((section, key), "settings")
        raise BadSettings([f"{origin}: {section}.{key}: must be text"])

    directory = Path(text("server", "data_dir")).absolute()
    socket_dir = Path(text("server", "socket_dir") or directory).absolute()
    return Places(
        data_dir=directory,
        listen=text("server", "listen"),
        admin=directory / "admin.sock",
        lmtp=_address("inbound.lmtp", text("inbound", "lmtp"), socket_dir),
        events=_address("inbound.events", text("inbound", "events"), socket_dir),
    )


def _address(name: str, text: str, socket_dir: Path) -> Address | None:
    try:
        return parse_address(text, socket_dir)
    except ValueError:
        raise BadSettings(
            [f'{name} = "{text}": must be "unix:<path>", "tcp:<host>:<port>" or "" (off)']
        ) from None
