"""Tells the service manager how the server is: up, alive, ending (sd_notify(3) of systemd)."""

import socket
from collections.abc import Mapping

import structlog

from sendook_lite.domain.clock import Clock

_MICROSECONDS = 1_000_000
_BEATS_PER_TIMEOUT = 3
"""One beat may be late, and one lost, before the manager takes the server for dead."""

log = structlog.get_logger(__name__)


class ServiceManager:
    """Whoever started the server and asked to be told; does nothing where nobody did.

    Args:
        environment: ``NOTIFY_SOCKET`` is where to tell, a path or an abstract name (``@…``);
            ``WATCHDOG_USEC`` is after how long a silence the server is restarted. The process named
            by ``WATCHDOG_PID`` may be our parent, so it is not compared: a program packed into one
            file runs as a child of its unpacker.
        clock: beats the time.
    """

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        timeout = environment.get("WATCHDOG_USEC", "")
        self._timeout = int(timeout) / _MICROSECONDS if timeout.isdecimal() else 0.0
        self._clock = clock

    def ready(self) -> None:
        """Say that every listener is bound and recovery is done."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that the server ends by itself; what it still does is no fault."""
        self._tell("STOPPING=1")

    async def beat(self) -> None:
        """Beat for as long as the event loop turns; ends at once where nobody listens for it."""
        if not self._address or not self._timeout:
            return
        while True:
            self._tell("WATCHDOG=1")
            await self._clock.sleep(self._timeout / _BEATS_PER_TIMEOUT)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        # systemd writes an abstract name with "@" where the kernel wants a NUL (unix(7)).
        name = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.connect(name)
                sock.send(state.encode("ascii"))
        except OSError as error:
            log.warning("the service manager could not be told", state=state, reason=str(error))
