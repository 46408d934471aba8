"""Decides which addresses and hosts a webhook may reach; knows no socket and no resolver.

The tables follow the IANA special-purpose address registries (RFC 6890, RFC 8190), as of 2024-10.
``ipaddress.is_global`` is not asked: it calls 64:ff9b::/96, multicast, fec0::/10, 5f00::/16 and
3fff::/20 global, and its answers change between Python versions.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import idna

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The registry lists some blocks as globally reachable (anycast, AS112, AMT). They are refused too:
# no webhook endpoint lives there.
_SPECIAL: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network"),  # RFC 791, section 3.2
    ("10.0.0.0/8", "private use"),  # RFC 1918
    ("100.64.0.0/10", "carrier-grade NAT"),  # RFC 6598
    ("127.0.0.0/8", "loopback"),  # RFC 1122, section 3.2.1.3
    ("169.254.0.0/16", "link-local"),  # RFC 3927
    ("172.16.0.0/12", "private use"),  # RFC 1918
    ("192.0.0.0/24", "IETF protocol assignments"),  # RFC 6890, section 2.1
    ("192.0.2.0/24", "documentation"),  # RFC 5737
    ("192.31.196.0/24", "AS112"),  # RFC 7535
    ("192.52.193.0/24", "AMT relays"),  # RFC 7450
    ("192.88.99.0/24", "6to4 relays"),  # RFC 7526
    ("192.168.0.0/16", "private use"),  # RFC 1918
    ("192.175.48.0/24", "AS112"),  # RFC 7534
    ("198.18.0.0/15", "benchmarking"),  # RFC 2544
    ("198.51.100.0/24", "documentation"),  # RFC 5737
    ("203.0.113.0/24", "documentation"),  # RFC 5737
    ("224.0.0.0/4", "multicast"),  # RFC 5771
    ("255.255.255.255/32", "broadcast"),  # RFC 919, section 7
    ("240.0.0.0/4", "reserved"),  # RFC 1112, section 4
    # Outside 2000::/3. All of it is refused; these rows only give it a better name.
    ("::/128", "unspecified"),  # RFC 4291, section 2.5.2
    ("::1/128", "loopback"),  # RFC 4291, section 2.5.3
    ("100::/64", "discard-only"),  # RFC 6666
    ("100:0:0:1::/64", "dummy prefix"),  # RFC 9780
    ("5f00::/16", "segment routing"),  # RFC 9602
    ("fc00::/7", "unique local"),  # RFC 4193
    ("fe80::/10", "link-local"),  # RFC 4291, section 2.5.6
    ("fec0::/10", "site-local"),  # RFC 3879
    ("ff00::/8", "multicast"),  # RFC 4291, section 2.7
    # Within 2000::/3.
    ("2001::/23", "IETF protocol assignments"),  # RFC 2928
    ("2001:2::/48", "benchmarking"),  # RFC 5180
    ("2001:3::/32", "AMT"),  # RFC 7450
    ("2001:4:112::/48", "AS112"),  # RFC 7535
    ("2001:10::/28", "ORCHID"),  # RFC 4843
    ("2001:20::/28", "ORCHIDv2"),  # RFC 7343
    ("2001:30::/28", "drone remote identification"),  # RFC 9374
    ("2001:db8::/32", "documentation"),  # RFC 3849
    ("2620:4f:8000::/48", "AS112"),  # RFC 7534
    ("3ffe::/16", "6bone"),  # RFC 3701
    ("3fff::/20", "documentation"),  # RFC 9637
)

# Forms that carry an IPv4 address inside: another way to write a destination, or a tunnel to it.
_EMBEDDING: tuple[tuple[str, str], ...] = (
    ("::ffff:0:0/96", "IPv4-mapped"),  # RFC 4291, section 2.5.5.2
    ("::ffff:0:0:0/96", "IPv4-translated"),  # RFC 2765, section 2.1
    ("::/96", "IPv4-compatible"),  # RFC 4291, section 2.5.5.1
    ("64:ff9b:1::/48", "local NAT64"),  # RFC 8215
    ("2001::/32", "Teredo"),  # RFC 4380
    ("2002::/16", "6to4"),  # RFC 3056
)

# Where clouds hand credentials to whoever asks. Most are within private ranges, not all.
_METADATA: tuple[str, ...] = (
    "169.254.169.254/32",  # nearly every cloud
    "169.254.170.2/32",  # AWS ECS task credentials
    "169.254.170.23/32",  # AWS EKS pod identity
    "169.254.42.42/32",  # Scaleway
    "169.254.0.23/32",  # Tencent
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure wire server, within a public range
    "192.0.0.192/32",  # Oracle Classic
    "fd00:ec2::/32",  # AWS, all its instance services
    "fd20:ce::254/128",  # Google
    "fd00:c1::a9fe:a9fe/128",  # Oracle
    "fd00:42::42/128",  # Scaleway
    "fd00:a9fe:a9fe::1/128",  # Linode
    "fd00:100::100:200/128",  # Alibaba
    "fe80::a9fe:a9fe/128",  # OpenStack
)

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1
_IPV4_BITS = 0xFFFF_FFFF
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA ever assigned for public use
_NOWHERE = IPv6Network("::/0")

# RFC 6761, section 6.3, and what Linux distributions write into /etc/hosts.
_LOOPBACK_NAMES = re.compile(
    r"(.+\.)?localhost|localhost[46]?\.localdomain[46]?"
    r"|localhost[46]|loopback|ip6-(localhost|loopback)"
)

_MAX_NAME = 253
_MAX_LABEL = 63
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NUMBER = re.compile(r"0x(?P<hex>[0-9a-f]+)|0(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*)")
_IPV4_PARTS = 4
_BYTE = 256


@dataclass(frozen=True, slots=True)
class _Range:
    """A refused range; ``why`` completes a sentence that begins with an address.

    A sealed range is opened only by an allowed network that lies within it: who allows fc00::/7
    did not mean the cloud's metadata, and who allows ::/0 did not mean ::ffff:127.0.0.1.
    """

    network: Network
    why: str
    sealed: bool


class Guard:
    """Says no to every address that is not public, except where the operator opened a network.

    Args:
        allow_networks: CIDRs (or networks) that webhooks may reach although they are not public.
            A network opens exactly the addresses it holds: 192.168.1.0/24 does not open
            ::ffff:192.168.1.5 or 64:ff9b::c0a8:105. Metadata addresses and forms that embed an
            IPv4 address are opened only by a network within their own range, such as
            169.254.169.254/32 or ::ffff:192.168.1.0/120.

    Raises:
        ValueError: when an entry is not a network.
    """

    def __init__(self, allow_networks: Sequence[str | Network] = ()) -> None:
        self._allowed = tuple(_read_network(entry) for entry in allow_networks)
        refused = (
            *(_refuse(network, "cloud metadata", sealed=True) for network in _METADATA),
            *(_refuse(network, form, sealed=True) for network, form in _EMBEDDING),
            *(_refuse(network, purpose) for network, purpose in _SPECIAL),
        )
        # The narrowest range that holds an address has the most to say about it.
        self._refused = sorted(refused, key=lambda each: each.network.prefixlen, reverse=True)

    def refusal(self, address: Address | str) -> str | None:
        """Say why an address may not be reached, for people; None when it may.

        A text must be an address in its plain form, as a resolver gives it; anything else is
        refused.
        """
        try:
            ip = ip_address(address) if isinstance(address, str) else address
        except ValueError:
            return f"{address!r} is not an IP address"
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            return f"{ip} is bound to one network interface"
        found = self._find(ip)
        if found is None or self._opened(ip, found):
            return None
        return f"{ip} {found.why}"

    def judge_all(self, addresses: Iterable[Address | str]) -> str | None:
        """Judge a whole DNS answer: the first refusal, or None when every address is allowed.

        One bad address spoils the answer, since a name that points both ways is either a mistake
        or an attempt to slip through. An empty answer is not refused here.
        """
        return next((why for why in map(self.refusal, addresses) if why is not None), None)

    def judge_host(self, host: str) -> str | None:
        """Judge what can be judged without DNS: literals in any spelling, and loopback names.

        Returns:
            Why the host is refused, for people; None for an allowed literal and for an ordinary
            name, whose addresses are judged when they are known. Loopback names are allowed when
            127.0.0.1 or ::1 is.
        """
        try:
            name = normalise_host(host)
        except ValueError as error:
            return str(error)
        address = literal(name)
        if address is not None:
            return self.refusal(address)
        if _LOOPBACK_NAMES.fullmatch(name) and self.refusal("127.0.0.1") and self.refusal("::1"):
            return f"{name} is a name of this machine itself (loopback)"
        return None

    def _find(self, ip: Address) -> _Range | None:
        """Find the refused range that holds an address; None for public unicast."""
        if isinstance(ip, IPv6Address) and ip in _NAT64:
            return self._find_behind_nat64(ip)
        for refused in self._refused:
            if ip in refused.network:
                return refused
        if isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST:
            return _Range(_NOWHERE, "is outside 2000::/3 (not in public use)", sealed=False)
        return None

    def _find_behind_nat64(self, ip: IPv6Address) -> _Range | None:
        """Judge the IPv4 address a NAT64 would translate to (RFC 6052, section 3.1)."""
        inner = IPv4Address(int(ip) & _IPV4_BITS)
        found = self._find(inner)
        if found is None:
            return None
        own = IPv6Network(ip) if found.sealed else _NAT64
        return _Range(own, f"leads through NAT64 to {inner}, which {found.why}", sealed=True)

    def _opened(self, ip: Address, refused: _Range) -> bool:
        # Both networks hold the address, so the longer prefix lies within the shorter.
        return any(
            ip in allowed and (not refused.sealed or allowed.prefixlen >= refused.network.prefixlen)
            for allowed in self._allowed
        )


def normalise_host(host: str) -> str:
    """Bring a host, as written in a URL, into the one spelling that is judged, used and sent.

    A last label that is a number makes the whole an IPv4 address, read as inet_aton does (one to
    four parts; decimal, 0x hexadecimal, 0 octal), because C resolvers would read it so. Names that
    are not ASCII go through UTS #46 (non-transitional) and IDNA 2008 (RFC 5891) first, which turns
    full-width and circled digits and ideographic full stops into what they stand for. One trailing
    dot is dropped. Percent-encoding is refused: parsers disagree on it.

    Args:
        host: a name or an address; IPv6 with or without brackets.

    Returns:
        A lower-case ASCII name (A-labels), or a canonical address, IPv6 without brackets.

    Raises:
        ValueError: with a phrase for people, when there is no such spelling.
    """
    # Before anything else, since IDNA takes more than linear time on long input.
    if len(host) > _MAX_NAME + len("."):
        raise ValueError(f"a host name has at most {_MAX_NAME} characters")
    if host.startswith("[") and host.endswith("]"):
        return str(_read_ipv6(host[1:-1]))
    if ":" in host:
        return str(_read_ipv6(host))
    labels = _map(host).removesuffix(".").split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return str(_read_ipv4(labels, host))
    name = ".".join(_encode_label(label, host) for label in labels)
    if len(name) > _MAX_NAME:
        raise ValueError(f"a host name has at most {_MAX_NAME} characters")
    return name


def literal(host: str) -> Address | None:
    """Return the address that a normalised host is, or None when it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _read_network(entry: str | Network) -> Network:
    if not isinstance(entry, str):
        return entry
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(f"{entry!r} is not a network; write it like 192.168.1.0/24") from None
    try:
        return ip_network(entry)
    except ValueError:
        raise ValueError(f"{entry!r} has host bits set; the network is {network}") from None


def _refuse(network: str, purpose: str, *, sealed: bool = False) -> _Range:
    return _Range(ip_network(network), f"is in {network} ({purpose})", sealed)


def _map(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        # Not the table's own ASCII rules: they would refuse the underscore, which names in
        # private networks carry; every label is checked below.
        return idna.uts46_remap(host, std3_rules=False)
    except UnicodeError:
        raise ValueError(f"the host {host!r} has characters that no host name may have") from None


def _read_ipv6(text: str) -> IPv6Address:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv6 address") from None
    if address.scope_id is not None:
        raise ValueError(f"{text!r} has a zone; an address in a URL is written without")
    return address


def _read_ipv4(labels: list[str], host: str) -> IPv4Address:
    """Read inet_aton's forms: the last part fills all the bytes that the others left."""
    wrong = f"the host {host!r} ends in a number and is not an IPv4 address"
    *firsts, last = [_read_number(label, wrong) for label in labels]
    room = _IPV4_PARTS - len(firsts)
    if room < 1 or last >= _BYTE**room or any(first >= _BYTE for first in firsts):
        raise ValueError(wrong)
    return IPv4Address(int.from_bytes(bytes(firsts) + last.to_bytes(room, "big"), "big"))


def _read_number(text: str, wrong: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(wrong)
    if match["hex"]:
        return int(match["hex"], 16)
    if match["octal"]:
        return int(match["octal"], 8)
    return int(match["decimal"])


def _encode_label(label: str, host: str) -> str:
    if not label:
        raise ValueError(f"the host {host!r} has an empty label" if host else "the host is empty")
    if not label.isascii() or label.startswith("xn--"):
        return _encode_international(label, host)
    if len(label) > _MAX_LABEL:
        raise ValueError(f"a label of a host name has at most {_MAX_LABEL} characters")
    if not _LABEL.fullmatch(label):
        raise ValueError(
            f"the host {host!r} is not a name; a label holds letters, digits, hyphens and"
            " underscores, and neither begins nor ends with a hyphen"
        )
    return label


def _encode_international(label: str, host: str) -> str:
    """Turn a label into its A-label; one that is an A-label already must come from a valid name."""
    try:
        return idna.alabel(idna.ulabel(label)).decode("ascii")
    except UnicodeError:
        raise ValueError(f"the host {host!r} is not a valid international name") from None
