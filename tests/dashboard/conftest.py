"""The dashboard of a running server, seen through a real browser that notes what goes wrong."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.e2e.server import KEY, Server
from tests.requirements import cannot_run

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# Not for the whole session: while it runs, no test can have an event loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, with a new and empty profile."""
    program = shutil.which("chromium")
    if program is None:
        cannot_run("there is no chromium: apt-get install chromium (Debian)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield running
        running.close()


@dataclass
class Visitor:
    """Somebody at the dashboard; ``complaints`` are errors, and requests to other hosts."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    forgiven: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(15_000)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note_request)

    def _note_console(self, message: ConsoleMessage) -> None:
        refused = any(f"status of {status} " in message.text for status in self.forgiven)
        if message.type in {"error", "warning"} and not refused:
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and not request.url.startswith(f"{self.url}/"):
            self.complaints.append(f"asked {parts.netloc}")

    def forgive(self, status: int) -> None:
        """Expect a refusal: the browser reports every one as an error."""
        self.forgiven.add(status)

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self, key: str = KEY) -> None:
        self.go("/signin")
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.url}/")

    def overflows(self) -> bool:
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return wide


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    """A visitor of a server of one's own."""
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        visitor = Visitor(context.new_page(), server.url)
        yield visitor
        assert visitor.complaints == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server with quick retries on an empty data directory."""
    server = Server(tmp_path / "data", SENDOOK_DELIVERY__RETRY_SCHEDULE="[0.3, 0.6]")
    server.start()
    yield server
    if server.process is not None:
        assert server.stop() == 0
