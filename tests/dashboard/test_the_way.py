"""The way of a user through the dashboard, step by step, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Visitor
from tests.dashboard.mail import push_mail
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, Server, wait_until


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The page of somebody who is signed in with the admin key."""
    visitor.sign_in()
    return visitor.page


def confirm(page: Page, action: str) -> None:
    page.locator("#confirm").get_by_role("button", name=action).click()


def test_a_stranger_is_asked_for_a_key_and_led_to_where_they_wanted(
    visitor: Visitor, server: Server
) -> None:
    page = visitor.page
    visitor.go("/webhooks")
    expect(page).to_have_url(re.compile(r"/signin\?next=%2Fwebhooks"))
    page.get_by_label("API key").fill("sk_not_a_key_of_this_server")
    visitor.forgive(401)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("no API key")
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{server.url}/webhooks")
    page.get_by_role("button", name="Sign out").last.click()
    page.wait_for_url(f"{server.url}/signin")
    visitor.go("/")
    expect(page).to_have_url(f"{server.url}/signin")


def test_an_inbox_is_made_and_deleted(visitor: Visitor, server: Server, page: Page) -> None:
    visitor.go("/inboxes")
    page.get_by_role("button", name="New inbox").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Support")
    page.get_by_label("Address").fill("support@elsewhere.example")
    visitor.forgive(404)
    page.get_by_role("button", name="Create inbox").click()
    expect(page.locator("dialog .problem").first).to_have_text("Invalid domain name")
    page.get_by_label("Address").fill("support@localhost.test")
    page.get_by_role("button", name="Create inbox").click()
    page.wait_for_url(re.compile("/inboxes/inbox_"))
    expect(page.get_by_text("No mail yet")).to_be_visible()
    page.get_by_role("button", name="Delete the inbox").click()
    confirm(page, "Delete")
    page.wait_for_url(f"{server.url}/inboxes")
    expect(page.get_by_text("No inboxes yet")).to_be_visible()


def test_a_webhook_is_made_tested_changed_and_deleted(
    visitor: Visitor, server: Server, endpoint: Endpoint, page: Page
) -> None:
    visitor.go("/webhooks")
    page.keyboard.press("n")
    page.get_by_label("URL").press_sequentially("ftp://x")
    expect(page.locator(".problem[data-for=url]")).to_contain_text("Invalid webhook URL")
    page.get_by_label("URL").fill(endpoint.url)
    page.get_by_label("Description").fill("Ticket system")
    page.get_by_label("message.sent").check()
    page.get_by_role("button", name="Create webhook").click()
    page.wait_for_url(re.compile("/webhooks/wh_"))
    page.get_by_role("button", name="Send test").click()
    expect(page.get_by_text("It works.")).to_be_visible()
    assert [one.event["payload"]["test"] for one in endpoint.received] == ["test"]

    page.get_by_role("button", name="Disable").click()
    confirm(page, "Cancel")
    expect(page.locator("#head")).to_contain_text("enabled")
    page.get_by_role("button", name="Disable").click()
    confirm(page, "Disable")
    expect(page.locator("#head")).to_contain_text("disabled")
    page.get_by_role("button", name="Enable").click()
    expect(page.locator("#head")).to_contain_text("enabled")

    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Description").fill("")
    page.get_by_text("Only some inboxes").click()
    page.get_by_label("Retries after").fill("1, 2.5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#settings")).to_contain_text("1, 2.5 seconds")
    (webhook,) = server.call("GET", "/v1/webhooks")
    assert webhook["retrySchedule"] == [1, 2.5]
    assert "description" not in webhook
    assert webhook["events"] == ["message.sent", "message.received"]

    page.get_by_role("button", name="Delete").click()
    confirm(page, "Delete")
    page.wait_for_url(f"{server.url}/webhooks")
    expect(page.get_by_text("No webhooks yet")).to_be_visible()


def test_an_event_appears_by_itself_and_tells_all_about_its_attempts(
    visitor: Visitor, server: Server, endpoint: Endpoint, page: Page
) -> None:
    server.inbox()
    server.webhook(endpoint.url, "message.received")
    visitor.go("/events")
    expect(page.locator(".side .livedot")).to_have_text("Live")
    push_mail(server, "Order 4711")
    row = page.locator("#log a.row", has_text="Order 4711")
    expect(row.get_by_text("1 delivered")).to_be_visible()
    row.click()
    page.wait_for_url(re.compile("/events/evt_"))
    expect(page.locator("#stories").get_by_text("HTTP 200")).to_be_visible()
    page.get_by_text("Requests and responses").click()
    page.locator("summary.row.attempt").click()
    expect(page.locator("pre[id^=request-]")).to_contain_text("webhook-id: evt_")
    expect(page.locator("pre[id^=response-]")).to_have_text("ok")
    page.locator("#stories").get_by_role("button", name="Retry now").first.click()
    expect(page.locator("#stories > .body > .timeline > li")).to_have_count(2)
    first, second = endpoint.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_a_period_is_replayed_and_the_secret_rotated(
    visitor: Visitor, server: Server, endpoint: Endpoint, page: Page
) -> None:
    server.inbox()
    webhook = server.webhook(endpoint.url, "message.received")
    push_mail(server, "Order 4711")
    stats = f"/v1/webhooks/{webhook['id']}/stats"
    wait_until(lambda: server.call("GET", stats)["delivered"] == 1)
    visitor.go(f"/webhooks/{webhook['id']}")
    expect(page.locator("#attempts summary")).to_have_count(1)
    page.get_by_role("link", name="Failed").click()
    expect(page.get_by_text("None of these")).to_be_visible()
    page.get_by_role("button", name="Replay a period").click()
    page.get_by_label("Since").fill("2020-01-01T00:00")
    page.get_by_label("Everything, once more").check()
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.locator("#replays")).to_contain_text("1 sent again of 1 events: 1 delivered")

    page.get_by_role("button", name="Show the secret").click()
    expect(page.locator("#secret")).to_have_text(webhook["secret"])
    page.get_by_role("button", name="Rotate").click()
    page.locator("dialog").get_by_role("button", name="Rotate").click()
    expect(page.locator("#previous")).to_contain_text("former secret")
    expect(page.locator("#secret")).not_to_have_text(webhook["secret"])


def test_mail_is_read_with_its_html_in_a_cage(visitor: Visitor, server: Server, page: Page) -> None:
    inbox = server.inbox()
    push_mail(server, "Order 4711")
    visitor.go(f"/inboxes/{inbox['id']}")
    page.locator("#mail a.row", has_text="Order 4711").click()
    expect(page.locator(".talk")).to_contain_text("Where is my parcel?")
    with page.expect_download() as download:
        page.locator("a.file").click()
    assert download.value.suggested_filename == "bill.html"
    page.get_by_role("link", name="All about this message").click()
    page.get_by_role("tab", name="HTML").click()
    frame = page.frame_locator("#frame")
    expect(frame.get_by_text("Hello there")).to_be_visible()
    expect(frame.locator("script, form, iframe, meta[http-equiv], [onerror]")).to_have_count(0)
    assert "owned" not in page.title()
    page.get_by_role("tab", name="Source").click()
    expect(page.locator("#view-source")).to_contain_text("Subject: Order 4711")


def test_a_test_mail_is_seen_on_its_way_to_the_webhook(
    visitor: Visitor, server: Server, endpoint: Endpoint, page: Page
) -> None:
    server.inbox()
    server.webhook(endpoint.url, "message.received")
    visitor.go("/setup")
    page.get_by_role("button", name="Send test mail").click()
    steps = page.locator("#test-steps li")
    expect(steps).to_have_count(4)
    expect(steps.nth(0)).to_contain_text("LMTP: 250")
    expect(steps.nth(2)).to_contain_text("delivered, HTTP 200")
    (one,) = endpoint.received
    assert "A test mail" in one.event["payload"]["subject"]


def test_keys_are_made_shown_once_and_deleted(visitor: Visitor, server: Server, page: Page) -> None:
    visitor.go("/setup")
    page.get_by_role("button", name="New key").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Reporting")
    page.get_by_role("button", name="Create key").click()
    expect(page.locator("#new-key code")).to_contain_text("sk_")
    key = page.locator("#new-key code").text_content() or ""
    assert server.call("GET", "/v1/inboxes", key=key) == []
    page.get_by_role("button", name="Delete Reporting").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()
    expect(page.locator("#key-list")).not_to_contain_text("Reporting")
    assert server.error("GET", "/v1/inboxes", key=key)[0] == 401


def test_mail_is_written_and_answered(visitor: Visitor, server: Server, page: Page) -> None:
    inbox = server.inbox()
    other = server.inbox("billing@localhost.test")
    visitor.go(f"/inboxes/{inbox['id']}")
    page.get_by_role("button", name="Compose").click()
    page.get_by_role("textbox", name="To", exact=True).fill("not an address")
    page.get_by_role("textbox", name="Subject").fill("About the invoice")
    page.get_by_role("textbox", name="Text").fill("Is it paid?")
    visitor.forgive(400)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".problem[data-for=to]")).to_contain_text("must be an email address")
    page.get_by_role("textbox", name="To").first.fill("billing@localhost.test")
    page.get_by_label("Attachments").set_input_files(
        {"name": "bill.txt", "mimeType": "text/plain", "buffer": b"42"}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    row = page.locator("#mail a.row", has_text="About the invoice")
    expect(row).to_contain_text("sent")
    row.click()
    page.get_by_role("link", name="All about this message").click()
    expect(page.locator("#story")).to_contain_text("message.sent")

    visitor.go(f"/inboxes/{other['id']}")
    page.locator("#mail a.row", has_text="About the invoice").click()
    expect(page.locator(".talk")).to_contain_text("Is it paid?")
    expect(page.locator("a.file")).to_contain_text("bill.txt")
    page.get_by_placeholder("Answer support@localhost.test").fill("It is.")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator(".talk article.ours")).to_contain_text("It is.")
    visitor.go(f"/inboxes/{inbox['id']}")
    page.locator("#mail a.row", has_text="Re: About the invoice").click()
    expect(page.locator(".talk article")).to_have_count(2)


def test_mail_is_found_labelled_and_deleted(visitor: Visitor, server: Server, page: Page) -> None:
    inbox = server.inbox()
    push_mail(server, "Order 4711")
    push_mail(server, "Greetings")
    visitor.go(f"/inboxes/{inbox['id']}?q=nothing")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    page.get_by_role("searchbox").fill("ord")
    page.keyboard.press("Enter")
    expect(page.locator("#mail a.row")).to_have_count(1)
    page.locator("#mail a.row").click()
    page.get_by_role("link", name="All about this message").click()
    page.get_by_role("button", name="Labels").click()
    page.get_by_role("textbox", name="Labels").fill("urgent, parcels")
    page.get_by_role("button", name="Save").click()
    page.locator("#envelope").get_by_role("link", name="urgent").click()
    expect(page.locator("#mail a.row")).to_have_count(1)
    page.locator("#mail a.row").click()
    page.get_by_role("link", name="All about this message").click()
    page.get_by_role("button", name="Delete the message").click()
    confirm(page, "Delete")
    page.wait_for_url(f"{server.url}/inboxes/{inbox['id']}")
    expect(page.locator("#mail a.row")).to_have_count(1)


def test_a_domain_is_added_with_its_records_and_deleted(visitor: Visitor, page: Page) -> None:
    visitor.go("/setup")
    page.get_by_role("button", name="Add a domain").click()
    page.get_by_role("textbox", name="Domain").fill("no domain")
    visitor.forgive(400)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#add-domain .problem[data-for=name]")).not_to_be_empty()
    page.get_by_role("textbox", name="Domain").fill("mail.example.com")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#domain-list")).to_contain_text("verified")
    expect(page.locator("#domain-list table")).to_contain_text("MX")
    visitor.go("/inboxes")  # trusted with --dev, so that its mail is taken already
    page.get_by_role("button", name="New inbox").click()
    page.get_by_role("textbox", name="Address").fill("ann@mail.example.com")
    page.get_by_role("button", name="Create inbox").click()
    page.wait_for_url(re.compile("/inboxes/inbox_"))
    visitor.go("/setup")
    page.get_by_role("button", name="Delete mail.example.com").click()
    confirm(page, "Delete")
    expect(page.locator("#domain-list")).not_to_contain_text("mail.example.com")
