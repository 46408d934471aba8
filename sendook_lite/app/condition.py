"""Says how the server is: live facts for ``/health``, and why it can take no work."""

from collections.abc import Mapping
from typing import Any

from sendook_lite import __version__
from sendook_lite.app.core import Core
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.outbound.outbox import Outbox


class Condition:
    """Looks at the parts; knows since when they serve.

    ``addresses`` say where each door is, by name.
    """

    def __init__(self, core: Core, addresses: Mapping[str, str]) -> None:
        self._core = core
        self._addresses = addresses
        self._outbox: Outbox | None = None
        self._started_at: int | None = None

    def sends_through(self, outbox: Outbox) -> None:
        """Take note of what hands mail to the relay, where there is one."""
        self._outbox = outbox

    def began(self) -> None:
        """Take note that everything is up."""
        self._started_at = self._core.clock.now()

    def ends(self) -> None:
        """Take note that the server goes down."""
        self._started_at = None

    def unready(self) -> str | None:
        """Say why no work can be taken now; None when it can."""
        if self._started_at is None:
            return "starting or stopping"
        return self._core.store.writer.failure or self._core.space.shortage()

    def trouble(self) -> str | None:
        """Say what an operator should hear of; None when all is well."""
        backups = self._core.backups
        return self.unready() or (backups.failure if backups else None)

    def health(self) -> dict[str, Any]:
        """Tell what is going on; ``healthy`` as long as there is anybody to ask."""
        core = self._core
        now = core.clock.now()
        started_at = now if self._started_at is None else self._started_at
        return {
            "healthy": True,
            "version": __version__,
            "uptimeSeconds": (now - started_at) // MS_PER_SECOND,
            "listeners": self._addresses,
            "store": core.store.writer.failure or "ok",
            "freeBytes": core.space.free_bytes(),
            "delivery": core.scheduler.facts(),
            "alerts": core.alerting.facts(),
            **({"backup": core.backups.facts()} if core.backups else {}),
            "sending": {"relay": "off"} if self._outbox is None else self._outbox.facts(),
        }

    def relayed(self) -> dict[str, int]:
        """Count the mails that the relay has taken."""
        return {} if self._outbox is None else {"handed_over": self._outbox.handed_over}
