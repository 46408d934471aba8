"""What an endpoint does costs its own lane and nobody else's."""

import socket
import threading

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, wait_until


class HangingEndpoint:
    """Accepts, reads, and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._hold, daemon=True)
        self._thread.start()

    def _hold(self) -> None:
        try:
            while True:
                self.held.append(self._listener.accept()[0])
        except OSError:
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which close() does not
        self._thread.join()
        self._listener.close()
        for connection in self.held:
            connection.close()


def test_hanging_endpoints_do_not_delay_a_healthy_one(server: Server, endpoint: Endpoint) -> None:
    hanging = [HangingEndpoint() for _ in range(10)]
    for each in hanging:
        server.webhook(each.url, "message.sent", timeout=60)
    server.webhook(endpoint.url, "message.sent")
    push(server, 50)
    # All fifty arrive while the ten hang with most of their minute before them.
    wait_until(lambda: len(endpoint.received) == 50, seconds=20)
    for each in hanging:
        assert 1 <= len(each.held) <= 2, "an endpoint that never answered is asked with care"
        each.close()
    server.kill()
