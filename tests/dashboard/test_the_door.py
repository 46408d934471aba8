"""Who gets in, how far, and what every answer carries; asked without a browser."""

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest

from sendook_lite.dashboard.pages import ACTIONS, PAGES
from sendook_lite.dashboard.site import CSP
from tests.dashboard.mail import push_mail
from tests.e2e.server import KEY, Server

ABSENT = "0" * 26


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass
class Browser:
    """Asks as a browser does: with the cookie it was given, without following anything."""

    server: Server
    cookie: str = ""
    sent: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> Reply:
        host = self.server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["Cookie"] = self.cookie
        body = None
        if form is not None:
            body = urlencode(form)
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        reply = Reply(answer.status, answer.headers, answer.read().decode())
        connection.close()
        return reply

    def sign_in(self, key: str = KEY, **headers: str) -> Reply:
        reply = self.ask("POST", "/signin", {"key": key, "next": "/"}, **headers)
        if reply.status == 303:
            self.cookie = reply.headers["Set-Cookie"].partition(";")[0]
        return reply


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that leave nothing behind that matters."""
    server = Server(
        tmp_path_factory.mktemp("door") / "data",
        SENDOOK_SERVER__TRUSTED_PROXIES='["127.0.0.0/8"]',
        SENDOOK_SERVER__PUBLIC_URL="https://mail.example.com",
    ).start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def stranger(shared: Server) -> Browser:
    return Browser(shared)


@pytest.fixture
def admin(shared: Server) -> Browser:
    browser = Browser(shared)
    assert browser.sign_in().status == 303
    return browser


def filled(path: str) -> str:
    kinds = {
        "webhook": "wh",
        "event": "evt",
        "message": "msg",
        "thread": "thread",
        "inbox": "inbox",
    }
    return re.sub(r"{(\w+)_id}", lambda found: f"{kinds[found[1]]}_{ABSENT}", path)


@pytest.mark.parametrize("page", [page for page in PAGES if not page.public], ids=lambda p: p.path)
def test_every_page_asks_a_stranger_to_sign_in(stranger: Browser, page: object) -> None:
    reply = stranger.ask("GET", filled(page.path))  # type: ignore[attr-defined]
    assert reply.status == 303
    assert reply.headers["Location"].startswith("/signin")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_page_forbids_everything_inline_and_all_framing(admin: Browser, page: object) -> None:
    reply = admin.ask("GET", filled(page.path))  # type: ignore[attr-defined]
    assert reply.status in {200, 404}
    if reply.headers.get_content_type() != "text/html":
        return
    assert reply.headers["Content-Security-Policy"] == CSP
    assert "unsafe" not in CSP
    assert "frame-ancestors 'none'" in CSP
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=|javascript:", reply.text)


def test_the_session_cookie_is_for_this_site_and_no_script(stranger: Browser) -> None:
    reply = stranger.sign_in()
    cookie = reply.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Secure"} <= set(cookie.split("; "))
    assert KEY not in cookie
    assert stranger.ask("GET", "/").status == 200


def test_a_session_ends_with_signing_out(admin: Browser) -> None:
    assert admin.ask("POST", "/signout", {}).status == 303
    assert admin.ask("GET", "/").status == 303
    assert admin.ask("GET", "/v1/inboxes").status == 401


def test_a_session_ends_with_its_key_and_survives_a_restart(server: Server) -> None:
    key = server.call("POST", "/v1/api_keys", {"name": "a", "scopes": ["read"]})
    browser = Browser(server)
    browser.sign_in(key["key"])
    assert browser.ask("GET", "/").status == 200
    server.kill()
    server.start()
    assert browser.ask("GET", "/").status == 200
    assert browser.ask("GET", "/v1/inboxes").status == 200
    server.call("DELETE", f"/v1/api_keys/{key['id']}")
    assert browser.ask("GET", "/").status == 303
    assert browser.ask("GET", "/v1/inboxes").status == 401


def test_too_many_wrong_keys_from_an_address_have_to_wait(stranger: Browser) -> None:
    near, far = {"X_Forwarded_For": "192.0.2.1"}, {"X_Forwarded_For": "192.0.2.2"}
    for _ in range(10):
        assert stranger.sign_in("sk_wrong", **near).status == 401
    reply = stranger.sign_in(KEY, **near)
    assert reply.status == 429
    assert 0 < int(reply.headers["Retry-After"]) <= 900
    assert "try again in 15 minutes" in reply.text
    # What a client writes into the header stands left of what the proxy adds: it is not believed.
    spoofed = {"X_Forwarded_For": "198.51.100.7, 192.0.2.1"}
    assert stranger.sign_in(KEY, **spoofed).status == 429
    assert stranger.sign_in(KEY, **far).status == 303


@pytest.mark.parametrize("key", ["", " ", "ключ", "x" * 10_000, "sk_\x00"])
def test_nonsense_is_no_key(stranger: Browser, key: str) -> None:
    reply = stranger.sign_in(key, X_Forwarded_For=f"2001:db8::{len(key)}")
    assert reply.status == 401
    assert "no API key" in reply.text


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "text/plain; charset=nonsense", "application/json", ""]
)
@pytest.mark.parametrize("body", [b"\xff=\xfe&&&==", b"--x", b"key=" + b"%41" * 100_000, b""])
def test_what_is_no_form_is_no_key(stranger: Browser, content_type: str, body: bytes) -> None:
    host = stranger.server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {"Content-Type": content_type, "X-Forwarded-For": f"2001:db8:1::{len(body)}"}
    connection.request("POST", "/signin", body, headers)
    assert connection.getresponse().status in {401, 429}
    connection.close()


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\t//e",
        "",
    ],
)
def test_signing_in_never_leads_to_another_site(stranger: Browser, target: str) -> None:
    reply = stranger.ask("POST", "/signin", {"key": KEY, "next": target})
    assert (reply.status, reply.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/signin", "/signout"])
def test_another_site_cannot_sign_anybody_in_or_out(admin: Browser, path: str) -> None:
    reply = admin.ask("POST", path, {"key": KEY}, Sec_Fetch_Site="cross-site")
    assert reply.status == 403
    assert admin.ask("GET", "/").status == 200


def test_a_session_changes_something_only_for_pages_of_ours(admin: Browser) -> None:
    inbox = {"name": "x"}
    refused = admin.ask("POST", "/v1/inboxes", inbox)
    assert refused.status == 403
    assert '"code":"cross_site"' in refused.text
    strange = admin.ask(
        "POST", "/v1/inboxes", inbox, Sendook_Request="1", Sec_Fetch_Site="same-site"
    )
    assert strange.status == 403
    assert admin.ask("GET", "/v1/inboxes", Sec_Fetch_Site="cross-site").status == 403
    assert admin.ask("GET", "/v1/inboxes", Sec_Fetch_Site="same-origin").status == 200
    for action in ACTIONS:
        assert admin.ask("POST", action.path, {}).status == 403


def test_a_key_in_the_header_counts_more_than_the_cookie(admin: Browser) -> None:
    assert admin.ask("GET", "/v1/inboxes", Authorization="Bearer wrong").status == 401


def test_a_link_from_a_mail_finds_the_session_by_loading_once_more(stranger: Browser) -> None:
    reply = stranger.ask("GET", "/events?q=<b>", Sec_Fetch_Site="cross-site")
    assert reply.status == 200
    assert 'content="0;url=/events?q=' in reply.text
    assert "<b>" not in reply.text


def test_a_key_that_only_reads_sees_and_changes_nothing(shared: Server) -> None:
    key = shared.call("POST", "/v1/api_keys", {"name": "r", "scopes": ["read"]})["key"]
    hook = shared.webhook("http://127.0.0.1:9/", "message.sent", headers={"X-Token": "hush"})
    browser = Browser(shared)
    browser.sign_in(key)
    shown = browser.ask("GET", f"/webhooks/{hook['id']}")
    assert shown.status == 200
    assert "hush" not in shown.text
    assert "data-call" not in shown.text
    assert browser.ask("GET", "/setup").status == 200
    assert "data-call" not in browser.ask("GET", "/setup").text
    assert browser.ask("GET", "/webhooks/check?url=x").status == 403
    mail = browser.ask("POST", "/setup/test-mail", {}, Sendook_Request="1")
    assert mail.status == 403
    assert browser.ask("DELETE", f"/v1/webhooks/{hook['id']}", Sendook_Request="1").status == 403
    assert browser.ask("GET", f"/v1/webhooks/{hook['id']}/secret").status == 403


def test_a_key_of_some_inboxes_sees_these_only(shared: Server) -> None:
    own = shared.inbox("own@localhost.test")
    other = shared.inbox("other@localhost.test")
    push_mail(shared, "Yours", "own@localhost.test")
    push_mail(shared, "Not yours", "other@localhost.test")
    (event,) = shared.call("GET", f"/v1/events?type=message.received&inboxId={other['id']}")
    key = shared.call("POST", "/v1/api_keys", {"name": "l", "inboxIds": [own["id"]]})["key"]
    browser = Browser(shared)
    browser.sign_in(key)
    for path in ("/", "/events", "/inboxes", f"/inboxes/{own['id']}", "/events?q=yours"):
        reply = browser.ask("GET", path)
        assert reply.status == 200, path
        assert "Not yours" not in reply.text
        assert "other@" not in reply.text
    message = event["messageId"]
    for path in (
        f"/inboxes/{other['id']}",
        f"/events/{event['id']}",
        f"/inboxes/{other['id']}/messages/{message}",
        f"/inboxes/{own['id']}/messages/{message}/html",
        f"/inboxes/{other['id']}/threads/{event['payload']['threadId']}",
    ):
        assert browser.ask("GET", path).status == 404, path
    for path in ("/webhooks", "/setup"):
        assert browser.ask("GET", path).status == 403, path
    assert browser.ask("GET", f"/events?inbox={other['id']}").text.count("Not yours") == 0


def test_the_cage_of_a_mail_runs_and_fetches_nothing(shared: Server, admin: Browser) -> None:
    inbox = shared.inbox("cage@localhost.test")
    push_mail(shared, "Cage", "cage@localhost.test")
    (message,) = shared.call("GET", f"/v1/inboxes/{inbox['id']}/messages")
    where = f"/inboxes/{inbox['id']}/messages/{message['id']}/html"
    reply = admin.ask("GET", where)
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "tracker.example" not in reply.text
    loaded = admin.ask("GET", f"{where}?remote=1")
    assert "img-src data: https: http:" in loaded.headers["Content-Security-Policy"]
    assert "https://tracker.example/p.gif" in loaded.text
    assert "<script" not in loaded.text
    file = admin.ask("GET", f"/v1/inboxes/{inbox['id']}/messages/{message['id']}/attachments/"
                     + message["attachments"][0]["id"])  # fmt: skip
    assert file.headers["Content-Disposition"].startswith("attachment")


def test_files_are_kept_for_ever_under_the_name_of_their_content(stranger: Browser) -> None:
    page = stranger.ask("GET", "/signin").text
    names = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(names) >= 4
    total = 0
    for name in {name.partition("#")[0] for name in names} | {"/static/icons.svg"}:
        reply = stranger.ask("GET", name)
        assert reply.status == 200
        assert ("immutable" in reply.headers["Cache-Control"]) == ("?v=" in name)
        total += len(reply.text)
    assert total < 150_000
    for path in ("/static/none", "/static/..%2fsite.py", "/static/"):
        assert stranger.ask("GET", path).status == 404


def test_what_is_not_there_is_told_to_people(admin: Browser) -> None:
    for path in (f"/webhooks/wh_{ABSENT}", "/events/nonsense", "/inboxes/%00"):
        reply = admin.ask("GET", path)
        assert reply.status == 404
        assert "not found" in reply.text
        assert reply.headers.get_content_type() == "text/html"
