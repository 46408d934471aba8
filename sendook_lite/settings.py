"""Every setting: its type, default and bounds. Where they come from is ``settings_sources``."""

import ipaddress
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _cidr(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError('must be a network such as "192.168.1.0/24" or "fd00::/8"') from error


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > _MAX_PORT:
        raise ValueError('must be "host:port", e.g. "127.0.0.1:8465"')
    return value


def _socket(value: str) -> str:
    kind, colon, rest = value.partition(":")
    if value == "" or (kind == "unix" and rest):
        return value
    if kind == "tcp" and colon:
        _listen(rest)
        return value
    raise ValueError('must be "unix:<path>", "tcp:<host>:<port>" or "" (off)')


def _mode(value: str) -> str:
    if len(value) != len("0660") or any(digit not in "01234567" for digit in value):
        raise ValueError('must be four octal digits, e.g. "0660"')
    return value


def _domain(value: str) -> str:
    name = value.strip().rstrip(".").lower()
    if not name or "@" in name or any(not label for label in name.split(".")):
        raise ValueError('must be a domain such as "example.com"')
    return name


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("must name at least 1")
    return values


def _no_bool(value: Any) -> Any:
    """A number is not a yes or no; pydantic would take ``true`` for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 - pydantic's way
    return value


def _http_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if value and (scheme not in {"http", "https"} or not rest.strip("/")):
        raise ValueError('must be a URL such as "https://host", or ""')
    return value


def _address(value: str) -> str:
    local, _, domain = value.rpartition("@")
    if value and (not local or not domain or " " in value):
        raise ValueError('must be an address such as "name@example.com"')
    return value


def _relay(value: str) -> str:
    if value in ("", "capture:") or _leads_somewhere(value):
        return value
    raise ValueError(
        'must be "smtp://host:25", "smtp+starttls://user:pass@host:587", "smtps://host:465",'
        ' "capture:" or "" (off)'
    )


def _leads_somewhere(url: str) -> bool:
    """Say whether the URL of a relay has a scheme, a host and a port that can be used."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"smtp", "smtp+starttls", "smtps"}
            and bool(_HOST.fullmatch(parts.hostname or ""))
            and parts.port != 0
            and not (parts.path.strip("/") or parts.query or parts.fragment)
        )
    except ValueError:
        return False


_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]+(%\w+)?")


def _ses_name(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{0,64}", value, re.ASCII) is None:
        raise ValueError("must be at most 64 letters, digits, hyphens and underscores")
    return value


_MAX_PORT = 65_535
_DNS_PORT = 53
_WEEK = 7 * 24 * 3600

Cidr = Annotated[str, AfterValidator(_cidr)]
Domain = Annotated[str, AfterValidator(_domain)]
Listen = Annotated[str, AfterValidator(_listen)]
SocketAddress = Annotated[str, AfterValidator(_socket)]
SesName = Annotated[str, AfterValidator(_ses_name)]
Mode = Annotated[str, AfterValidator(_mode)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Address = Annotated[str, AfterValidator(_address)]
Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
PositiveCount = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
Seconds = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, allow_inf_nan=False)]
Delay = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=_WEEK, allow_inf_nan=False)]


class Section(BaseModel):
    """A section of the file: unknown keys are errors, nothing changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """Where the process listens and keeps its data."""

    listen: Listen = "127.0.0.1:8465"
    data_dir: str = "./sendook_data"
    socket_dir: str = ""
    socket_group: str = ""
    socket_mode: Mode = "0660"
    public_url: HttpUrl = ""
    trusted_proxies: tuple[Cidr, ...] = ()
    min_free_bytes: Count = 268_435_456


class InboundSettings(Section):
    """Which mail is for us and how it comes in."""

    domains: Annotated[tuple[Domain, ...], AfterValidator(_some)] = ("localhost.test",)
    lmtp: SocketAddress = "unix:lmtp.sock"
    events: SocketAddress = "unix:events.sock"
    max_message_bytes: PositiveCount = 26_214_400
    unknown_recipients: Literal["reject", "create"] = "reject"
    create_per_hour: Count = 60
    catch_all: Address = ""
    report_addresses: tuple[Address, ...] = ()


class DeliverySettings(Section):
    """How webhooks are delivered."""

    retry_schedule: Annotated[tuple[Delay, ...], Field(max_length=20)] = (5, 25, 125)
    timeout: Seconds = 15
    slow_after: Seconds = 5
    max_in_flight: PositiveCount = 256
    max_in_flight_per_webhook: PositiveCount = 32
    allow_http: bool = False
    allow_networks: tuple[Cidr, ...] = ()
    ca_file: str = ""
    proxy: HttpUrl = ""
    disable_after_failures: PositiveCount = 10
    disable_after: Count = 86_400
    inline_attachments: Count = 262_144
    max_body_bytes: Annotated[int, BeforeValidator(_no_bool), Field(ge=65_536)] = 1_048_576


class RelaySettings(Section):
    """Through which server mail leaves."""

    url: Annotated[str, AfterValidator(_relay)] = ""


def _name_server(value: str) -> str:
    try:
        parse_name_server(value)
    except ValueError as error:
        raise ValueError('must be an IP address such as "9.9.9.9" or "[::1]:5353"') from error
    return value


def parse_name_server(value: str) -> tuple[str, int]:
    """Read "address", "address:port" or "[address]:port".

    Raises:
        ValueError: it is none of these.
    """
    if value.startswith("["):
        host, bracket, rest = value[1:].partition("]")
        if not bracket:
            raise ValueError("not closed")
    elif value.count(":") == 1:
        host, colon, port = value.partition(":")
        rest = colon + port
    else:
        host, rest = value, ""
    if rest and (rest[0] != ":" or not rest[1:].isdecimal() or not 0 < int(rest[1:]) <= _MAX_PORT):
        raise ValueError("not a port")
    return str(ipaddress.ip_address(host)), int(rest[1:]) if rest else _DNS_PORT


class DomainsSettings(Section):
    """What the DNS records of our domains say."""

    mx_host: str = ""
    spf_include: str = ""
    dkim_selector: str = "sendook"
    dkim_key_file: str = ""
    resolver: tuple[Annotated[str, AfterValidator(_name_server)], ...] = ()
    trust: bool = False


class SesSettings(Section):
    """Which SNS topics may post notifications, and what SES as a relay is told about mail."""

    topic_arns: tuple[str, ...] = ()
    configuration_set: SesName = ""
    message_tags: dict[SesName, SesName] = {}


class RetentionSettings(Section):
    """How long things are kept, in seconds; 0 is for ever."""

    events: Count = 2_592_000
    messages: Count = 0


class BackupSettings(Section):
    """Where daily copies go."""

    dir: str = ""
    keep: PositiveCount = 7


class AlertsSettings(Section):
    """Who is told before a webhook is disabled."""

    email: tuple[Address, ...] = ()
    from_address: Annotated[Address, Field(alias="from")] = ""
    webhook: HttpUrl = ""
    heartbeat_url: HttpUrl = ""


class LimitsSettings(Section):
    """How much one key may do."""

    sends_per_hour: Count = 0


class MetricsSettings(Section):
    """Who may read the metrics."""

    allow: tuple[Cidr, ...] = ("127.0.0.0/8", "::1/128")


class LogSettings(Section):
    """How the log looks."""

    format: Literal["auto", "pretty", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    """All settings, by section."""

    server: ServerSettings = ServerSettings()
    inbound: InboundSettings = InboundSettings()
    delivery: DeliverySettings = DeliverySettings()
    relay: RelaySettings = RelaySettings()
    domains: DomainsSettings = DomainsSettings()
    ses: SesSettings = SesSettings()
    retention: RetentionSettings = RetentionSettings()
    backup: BackupSettings = BackupSettings()
    alerts: AlertsSettings = AlertsSettings()
    limits: LimitsSettings = LimitsSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()


DEV_DEFAULTS: dict[str, dict[str, Any]] = {
    "inbound": {"unknown_recipients": "create"},
    "delivery": {
        "allow_http": True,
        "allow_networks": [
            "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",
        ],
    },
    "relay": {"url": "capture:"},
    "domains": {"trust": True},
    "log": {"format": "pretty"},
}  # fmt: skip
"""What ``--dev`` changes; a file or the environment still wins. Not for production."""
