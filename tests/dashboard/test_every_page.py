"""Every page, narrow to wide, light and dark: readable by everybody, and nothing sticks out."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.dashboard.conftest import Visitor
from tests.dashboard.mail import push_mail
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, wait_until


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A server that has something to show, and the paths of all its pages."""
    data_dir = tmp_path_factory.mktemp("full") / "data"
    server = Server(data_dir, SENDOOK_DELIVERY__RETRY_SCHEDULE="[0.1]")
    server.start()
    with Endpoint() as good, Endpoint(lambda _: 500) as bad:
        inbox = server.inbox()
        hook = server.webhook(
            good.url, "message.received", description="Tickets " * 30, headers={"X-Token": "t"}
        )
        failing = server.webhook(f"{bad.url}{'long/' * 60}", "message.received")
        for number in range(3):
            push_mail(server, f"Order {number} {'unbreakable' * 30}")
        push(server, 5, "message.bounced")
        server.call("POST", "/v1/domains", {"name": "a-rather-long-name-of-a-domain.example"})
        wait_until(lambda: len(bad.received) >= 6)
        (event, *_) = server.call("GET", "/v1/events?type=message.received")
        message: dict[str, Any] = event["payload"]
        where = f"/inboxes/{inbox['id']}"
        yield (
            server,
            [
                "/", "/webhooks", f"/webhooks/{hook['id']}", f"/webhooks/{failing['id']}",
                "/events", "/events?q=nothing-like-this", f"/events/{event['id']}", "/inboxes",
                where, f"{where}/threads/{message['threadId']}",
                f"{where}/messages/{message['id']}", "/setup", "/docs", "/signin",
            ],
        )  # fmt: skip
    assert server.stop() == 0


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_every_page_fits_and_asks_nobody_else(
    browser: Browser, full: tuple[Server, list[str]], width: int
) -> None:
    server, paths = full
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        visitor = Visitor(context.new_page(), server.url)
        visitor.sign_in()
        for path in paths:
            visitor.go(path)
            assert not visitor.overflows(), f"{path} is wider than {width} px"
        assert visitor.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.timeout(240)
def test_every_page_is_accessible(
    browser: Browser, full: tuple[Server, list[str]], scheme: Any
) -> None:
    server, paths = full
    with browser.new_context(color_scheme=scheme, reduced_motion="reduce") as context:
        visitor = Visitor(context.new_page(), server.url)
        visitor.sign_in()
        for path in paths:
            visitor.go(path)
            found = Axe().run(visitor.page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        hook = next(path for path in paths if path.startswith("/webhooks/wh_"))
        for path, button in (
            ("/webhooks", "New webhook"),
            ("/inboxes", "New inbox"),
            ("/setup", "New key"),
            ("/setup", "Add a domain"),
            (hook, "Edit"),
            (hook, "Replay a period"),
        ):
            visitor.go(path)
            visitor.page.get_by_role("button", name=button).click()
            found = Axe().run(visitor.page)
            assert found.violations_count == 0, f"{button}: {found.generate_report()}"


def test_the_keyboard_is_enough(browser: Browser, full: tuple[Server, list[str]]) -> None:
    server, _ = full
    with browser.new_context() as context:
        visitor = Visitor(context.new_page(), server.url)
        visitor.sign_in()
        page = visitor.page
        page.keyboard.press("g")
        page.keyboard.press("e")
        page.wait_for_url(f"{server.url}/events")
        page.keyboard.press("/")
        page.keyboard.type("Order 1")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.url}/events?q=Order+1")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.url}/events/*")
        page.keyboard.press("?")
        assert page.locator("#shortcuts").is_visible()
        page.keyboard.press("Escape")
        assert visitor.complaints == []
