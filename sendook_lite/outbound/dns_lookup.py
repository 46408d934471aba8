"""Asks the DNS for the records of a domain."""

from typing import TYPE_CHECKING, Final

from sendook_lite.domain.dns_records import RecordType
from sendook_lite.usecases.domains import DnsFailed

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

LIFETIME_SECONDS: Final = 5.0
"""For all tries of one question together; somebody is waiting for the answer."""


class SystemDns:
    """A ``DnsLookup`` over the name servers of the system, or over given ones.

    Never cached: whoever has just mended a record wants to see it.
    """

    def __init__(self, servers: tuple[tuple[str, int], ...] = ()) -> None:
        """Take the name servers as (IP address, port); none: those of the system."""
        self._servers = servers
        self._resolver: Resolver | None = None

    async def __call__(self, name: str, record_type: RecordType) -> tuple[str, ...]:
        """Return the records of a name, as ``DnsLookup`` says."""
        # Imported where needed: 100 ms and 8 MB that only verifying needs.
        from dns.exception import DNSException  # noqa: PLC0415
        from dns.resolver import NXDOMAIN, NoAnswer  # noqa: PLC0415

        try:
            answer = await self._get_resolver().resolve(f"{name}.", record_type)
        except (NXDOMAIN, NoAnswer):
            return ()
        except (DNSException, OSError) as error:
            raise DnsFailed(f"the DNS gave no answer: {_why(error)}") from error
        if record_type == "MX":
            return tuple(
                f"{record.preference} {record.exchange.to_text(omit_final_dot=True)}"
                for record in answer
            )
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)

    def _get_resolver(self) -> "Resolver":
        if self._resolver is None:
            from dns.asyncresolver import Resolver  # noqa: PLC0415
            from dns.nameserver import Do53Nameserver  # noqa: PLC0415

            resolver = Resolver(configure=not self._servers)
            resolver.lifetime = LIFETIME_SECONDS
            if self._servers:
                resolver.nameservers = [Do53Nameserver(*server) for server in self._servers]
            self._resolver = resolver
        return self._resolver


def _why(error: Exception) -> str:
    """Say in a few words what the library says in many."""
    return str(error).partition(":")[0].strip().rstrip(".").lower()[:100] or type(error).__name__
