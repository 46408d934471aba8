"""Where a server is: a URL, or the path of its admin socket."""

from dataclasses import dataclass
from urllib.parse import urlsplit

_SOCKET = "unix:"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """What a connection needs to know.

    Attributes:
        shown: how people are told of it; without a path, which may be a secret.
        prefix: the path before ``/v1``, where a proxy put one.
        socket: the path of a Unix socket; None over TCP.
    """

    shown: str
    host: str = "localhost"
    port: int | None = None
    encrypted: bool = False
    prefix: str = ""
    socket: str | None = None

    def __str__(self) -> str:
        return self.shown


def read_address(text: str) -> ServerAddress:
    """Read ``http://127.0.0.1:8465``, ``https://mail.example/sendook`` or ``unix:/…/admin.sock``.

    Raises:
        ValueError: it is none of them.
    """
    if text.startswith(_SOCKET):
        return ServerAddress(text, socket=text.removeprefix(_SOCKET))
    wrong = ValueError("must be like http://127.0.0.1:8465 or unix:/path/admin.sock")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.scheme not in {"http", "https"} or parts.username is not None:
        raise wrong
    return ServerAddress(
        f"{parts.scheme}://{parts.netloc}",
        host,
        port,
        encrypted=parts.scheme == "https",
        prefix=parts.path.rstrip("/"),
    )
