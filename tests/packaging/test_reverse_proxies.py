"""The snippets for reverse proxies, in Debian's nginx and Caddy, in front of a running server."""

import base64
import http.client
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.servers import Authority
from tests.e2e.server import KEY, Server, free_port, push, wait_until
from tests.metrics.page_lint import page
from tests.mta import debian

CONTRIB = Path(__file__).parents[2] / "contrib"
HOST = "mail.example.com"
SECONDS = 30
ATTACHED = 2 << 20
"""More than nginx takes by default."""


@dataclass
class Proxy:
    """A proxy's program with a snippet in its settings; ``check`` judges them as operators do."""

    check: list[str]
    run: list[str]
    environment: dict[str, str]


def nginx(directory: Path, port: int, upstream: str, certificate: Path) -> Proxy:
    root = debian.unpacked("nginx")
    snippet = (CONTRIB / "nginx/sendook-lite.conf").read_text()
    snippet = snippet.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    snippet = re.sub(r"/etc/letsencrypt/\S+\.pem", str(certificate), snippet)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (directory / "nginx.conf").write_text(
        # Workers of another user could not enter the directory of a test.
        f"user root; daemon off; pid {directory}/pid; error_log {directory}/log;\n"
        "events {}\n"
        f"http {{ access_log off; {snippet.replace('http://127.0.0.1:8465', upstream)}\n"
        + "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in kinds)
        + "}\n"
    )
    words = [f"{root}/usr/sbin/nginx", "-p", f"{directory}", "-c", "nginx.conf"]
    return Proxy([*words, "-e", "log", "-t"], [*words, "-e", "log"], debian.environment(root))


def caddy(directory: Path, port: int, upstream: str, certificate: Path) -> Proxy:
    root = debian.unpacked("caddy")
    snippet = (CONTRIB / "caddy/Caddyfile").read_text()
    snippet = snippet.replace("127.0.0.1:8465", upstream.removeprefix("http://"))
    site = f"https://{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {certificate}\n"
    (directory / "Caddyfile").write_text(
        "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
        + snippet.replace(f"\n{HOST} {{\n", f"\n{site}")
    )
    words = ["--config", f"{directory}/Caddyfile", "--adapter", "caddyfile"]
    program = f"{root}/usr/bin/caddy"
    home = {"HOME": str(directory), "XDG_DATA_HOME": str(directory)}
    return Proxy(
        [program, "validate", *words],
        [program, "run", *words],
        {**debian.environment(root), **home},
    )


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_requests_large_bodies_and_streams_pass_and_what_is_for_the_machine_alone_does_not(
    tmp_path: Path, proxy: Callable[[Path, int, str, Path], Proxy]
) -> None:
    authority = Authority(tmp_path)
    authority.context(HOST)
    port = free_port()
    server = Server(
        tmp_path / "data",
        SENDOOK_SERVER__PUBLIC_URL=f"https://{HOST}",
        SENDOOK_SERVER__TRUSTED_PROXIES='["127.0.0.1/32"]',
    ).start()
    made = proxy(tmp_path, port, server.url, tmp_path / "server.pem")
    checked = subprocess.run(
        made.check, env=made.environment, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    trust = ssl.create_default_context(cafile=authority.file)

    @contextmanager
    def answer(method: str, path: str, body: Any = None) -> Iterator[http.client.HTTPResponse]:
        with (
            socket.create_connection(("127.0.0.1", port), SECONDS) as plain,
            trust.wrap_socket(plain, server_hostname=HOST) as private,
        ):
            connection = http.client.HTTPConnection(HOST)
            connection.sock = private
            headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            with connection.getresponse() as response:
                yield response

    with running(made, port):
        for path, status in (("/health", 200), ("/metrics", 404), ("/readyz", 404)):
            with answer("GET", path) as shown:
                assert shown.status == status
        inbox = server.inbox()
        attached = {"content": base64.b64encode(b"x" * ATTACHED).decode(), "name": "large.bin"}
        mail = {"to": ["ann@example.org"], "subject": "x", "text": "x", "attachments": [attached]}
        with answer("POST", f"/v1/inboxes/{inbox['id']}/messages/send", mail) as sent:
            assert sent.status == 202, sent.read()
        with answer("GET", "/v1/events/stream?type=message.bounced") as stream:
            push(server, 1, "message.bounced")
            # The stream goes on; what was sent has to come before there is more of it.
            while not (line := stream.readline()).startswith(b"data: "):
                assert line
            assert json.loads(line.removeprefix(b"data: "))["event"] == "message.bounced"
        # A reader that has gone is noticed with what is written next.
        wait_until(lambda: push(server, 1, "message.bounced") or not streams(server))
    assert server.stop() == 0


@contextmanager
def running(proxy: Proxy, port: int) -> Iterator[None]:
    process = subprocess.Popen(proxy.run, env=proxy.environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(port))
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


def streams(server: Server) -> float:
    """Return how many streams of events the server holds open."""
    return page(server)["sendook_event_streams"].value()


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
