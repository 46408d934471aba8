"""Options that several commands share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from sendook_lite.inbound.listeners import Address, UnixAddress, parse_address

F = TypeVar("F", bound=Callable[..., Any])


class SocketType(click.ParamType[Address]):
    """An address as the settings write it, or just the path of a Unix socket."""

    name = "socket"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Address:
        """Return the address."""
        if isinstance(value, str) and value.startswith(("unix:", "tcp:")):
            try:
                address = parse_address(value, Path.cwd())
            except ValueError:
                address = None
        else:
            address = UnixAddress(Path(value).absolute()) if value else None
        if address is None:
            self.fail(f"{value!r} is neither a path nor unix:PATH nor tcp:HOST:PORT", param, ctx)
        return address


def settings_options(command: F) -> F:
    """Add ``--config`` and ``--data-dir``: which server is meant."""
    data_dir = click.option(
        "--data-dir", metavar="DIR", help="Data directory of the server, if not as in its settings."
    )
    config = click.option("--config", metavar="FILE", help="Settings file of the server.")
    return config(data_dir(command))


@dataclass(frozen=True, slots=True)
class Server:
    """Which server a command of the management API speaks to; None is not given."""

    url: str | None
    key: str | None
    config: str | None
    data_dir: str | None


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says which server is meant; the command gets it as ``server``."""

    @functools.wraps(command)
    def with_server(
        *,
        url: str | None,
        key: str | None,
        config: str | None,
        data_dir: str | None,
        **others: Any,
    ) -> Any:
        return command(server=Server(url, key, config, data_dir), **others)

    key_option = click.option("--key", metavar="KEY", help="API key. Default: $SENDOOK_API_KEY.")
    url_option = click.option("--url", help="Where the server is. Default: $SENDOOK_URL.")
    return url_option(key_option(settings_options(with_server)))


def socket_option(command: F) -> F:
    """Add ``--socket``: which socket is used, whatever the settings say."""
    return click.option(
        "--socket",
        "address",
        type=SocketType(),
        metavar="PATH",
        help="Socket of the server: a path, unix:PATH or tcp:HOST:PORT.",
    )(command)


def json_option(command: F) -> F:
    """Add ``--json``: for programs instead of people."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
