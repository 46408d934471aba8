"""Where the relay is: the setting ``relay.url`` as a value."""

from dataclasses import dataclass, field
from typing import Final, Literal, cast
from urllib.parse import unquote, urlsplit

Security = Literal["smtp", "smtp+starttls", "smtps"]
_PORTS: Final[dict[str, int]] = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where a relay is, how it is talked to, and as whom."""

    security: Security
    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Name the relay to people."""
        return f"{self.host}:{self.port}"


def parse_relay(url: str) -> RelayAddress:
    """Read ``smtp://user:password@host:port``, ``smtp+starttls://…`` or ``smtps://…``.

    User and password are percent-encoded (RFC 3986, section 3.2.1).

    Raises:
        ValueError: saying what is wrong, without the URL, which may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("relay.url must begin with smtp://, smtp+starttls:// or smtps://")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("relay.url has a port that is no number up to 65535") from None
    if not parts.hostname:
        raise ValueError("relay.url names no host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("relay.url has something behind the port; write / in a password as %2F")
    return RelayAddress(
        security=cast("Security", parts.scheme),
        host=parts.hostname,
        port=_PORTS[parts.scheme] if port is None else port,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )
