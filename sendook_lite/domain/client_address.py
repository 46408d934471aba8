"""Finds out where a request really comes from when proxies stand in between."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sendook_lite.domain.errors import Forbidden

Address = IPv4Address | IPv6Address


def client_address(peer: str, forwarded_for: str, trusted_proxies: Sequence[str]) -> Address:
    """Return the address of a client.

    Args:
        peer: the address of the connection.
        forwarded_for: the X-Forwarded-For header, '' without one.
        trusted_proxies: networks (CIDR) of proxies whose word is believed.

    Every proxy adds the address that it was asked from at the end of ``X-Forwarded-For``. What a
    trusted one says is believed, from the end on; what stands before the first address that is not
    trusted was written by anybody.

    Raises:
        Forbidden: nobody knows: a proxy that is not trusted is in between, or wrote nonsense.
    """
    address = _read(peer)
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    if hops and not within(address, trusted_proxies):
        raise Forbidden(
            "This came through a proxy that server.trusted_proxies does not name",
            "proxy_not_trusted",
        )
    while hops and within(address, trusted_proxies):
        address = _read(hops.pop())
    return address


def within(address: Address, networks: Sequence[str]) -> bool:
    """Say whether an address lies in one of some networks."""
    return any(address in ip_network(network) for network in networks)


def _read(text: str) -> Address:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        raise Forbidden("X-Forwarded-For does not hold addresses", "proxy_not_trusted") from None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
