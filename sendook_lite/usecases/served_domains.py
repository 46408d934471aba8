"""The domains whose mail is for us: those of the settings, and those that were verified since."""

from sendook_lite.domain.addresses import normalise, split


class ServedDomains:
    """Known in memory, for every recipient of every mail is asked about."""

    def __init__(self, configured: tuple[str, ...]) -> None:
        self._configured = frozenset(split(normalise(f"x@{name}"))[2] for name in configured)
        self._verified: frozenset[str] = frozenset()
        self.first = configured[0]
        """Names inboxes that are made without an address."""

    def __contains__(self, domain: str) -> bool:
        """Say whether mail for a domain, as domains are compared, is for us."""
        return domain in self._configured or domain in self._verified

    def serve(self, verified: frozenset[str]) -> None:
        """Take note of all verified domains."""
        self._verified = verified
