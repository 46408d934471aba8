"""A real HTTP endpoint on a thread of its own that remembers what it was sent."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Received:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def attempt(self) -> int:
        return int(self.headers["x-sendook-attempt"])


class _QuietServer(ThreadingHTTPServer):
    """Says nothing of connections that a killed client leaves behind."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


class Endpoint:
    """Answers every POST with what ``answer`` says of it (a status; 200 by default)."""

    def __init__(
        self,
        answer: Callable[[Received], int] = lambda _: 200,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.received: list[Received] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                one = Received(headers, body)
                received.append(one)
                self.send_response(answer(one))
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, event: str) -> list[Received]:
        """Return what came of one event type, in the order it came."""
        return [one for one in list(self.received) if one.headers["x-sendook-event"] == event]
