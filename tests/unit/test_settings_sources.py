"""Where settings come from, which source wins, and what a mistake is told with."""

from pathlib import Path
from typing import Any

import pytest

from sendook_lite.settings_sources import SECRET_KEYS, BadSettings, Loaded, load


def load_file(tmp_path: Path, text: str, **given: Any) -> Loaded:
    path = tmp_path / "sendook.toml"
    path.write_text(text, "utf-8")
    return load(given.pop("environment", {}), config=str(path), **given)


def mistakes(tmp_path: Path, text: str, **given: Any) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        load_file(tmp_path, text, **given)
    return caught.value.message.replace(f"{tmp_path}/", "").split("\n")


BAD_VALUES = [
    ("[server]\nlisten = 8465", 2, "server.listen = 8465", "valid string"),
    ('[server]\nlisten = "8465"', 2, 'server.listen = "8465"', '"host:port"'),
    ('[server]\nlisten = ":8465"', 2, "server.listen", '"host:port"'),
    ('[server]\nlisten = "localhost:65536"', 2, "server.listen", '"host:port"'),
    ('[server]\n\nsocket_mode = "660"', 3, "server.socket_mode", "four octal digits"),
    ('[server]\nsocket_mode = "0888"', 2, "server.socket_mode", "four octal digits"),
    ('[server]\ntrusted_proxies = ["10.0.0.1/8"]', 2, "server.trusted_proxies[0]", "network"),
    ('[server]\npublic_url = "mail.example"', 2, "server.public_url", '"https://host"'),
    ('[server]\npublic_url = "https://"', 2, "server.public_url", '"https://host"'),
    ("[server]\nmin_free_bytes = -1", 2, "server.min_free_bytes = -1", "greater than or equal"),
    ("[server]\nmin_free_bytes = true", 2, "server.min_free_bytes = true", "number, not true"),
    ('[inbound]\ndomains = "example.com"', 2, "inbound.domains", 'a list such as ["a", "b"]'),
    ("[inbound]\ndomains = []", 2, "inbound.domains = []", "at least 1"),
    ('[inbound]\ndomains = ["a@b"]', 2, 'inbound.domains[0] = "a@b"', '"example.com"'),
    ('[inbound]\ndomains = ["a..b"]', 2, "inbound.domains[0]", '"example.com"'),
    ('[inbound]\nlmtp = "lmtp.sock"', 2, "inbound.lmtp", '"unix:<path>"'),
    ('[inbound]\nlmtp = "tcp:2424"', 2, "inbound.lmtp", '"host:port"'),
    ('[inbound]\nevents = "unix:"', 2, "inbound.events", '"unix:<path>"'),
    ('[inbound]\nunknown_recipients = "drop"', 2, "unknown_recipients", "'reject' or 'create'"),
    ('[inbound]\ncatch_all = "everybody"', 2, "inbound.catch_all", '"name@example.com"'),
    ('[inbound]\nreport_addresses = ["@x"]', 2, "report_addresses[0]", '"name@example.com"'),
    ("[delivery]\nretry_schedule = [5, -1]", 2, "retry_schedule[1] = -1", "greater than or"),
    ("[delivery]\nretry_schedule = [700000]", 2, "retry_schedule[0] = 700000", "604800"),
    ("[delivery]\nretry_schedule = [nan]", 2, "retry_schedule[0] = NaN", "greater than or"),
    (f"[delivery]\nretry_schedule = {[1] * 21}", 2, "delivery.retry_schedule", "at most 20"),
    ("[delivery]\ntimeout = 0", 2, "delivery.timeout = 0", "greater than 0"),
    ("[delivery]\ntimeout = inf", 2, "delivery.timeout", "finite"),
    ("[delivery]\nmax_in_flight = 0", 2, "delivery.max_in_flight = 0", "greater than or equal"),
    ("[delivery]\nmax_body_bytes = 100", 2, "delivery.max_body_bytes = 100", "65536"),
    ('[delivery]\nallow_http = "perhaps"', 2, "delivery.allow_http", "valid boolean"),
    ('[delivery]\nallow_networks = ["home"]', 2, "allow_networks[0]", '"192.168.1.0/24"'),
    ('[alerts]\nfrom = "me"', 2, 'alerts.from = "me"', '"name@example.com"'),
    ('[log]\nlevel = "loud"', 2, 'log.level = "loud"', "'debug', 'info', 'warning' or 'error'"),
    ("[backup]\nkeep = 1.5", 2, "backup.keep = 1.5", "valid integer"),
]


@pytest.mark.parametrize(("text", "line", "shown", "remedy"), BAD_VALUES)
def test_a_bad_value_is_told_with_file_line_key_value_and_remedy(
    tmp_path: Path, text: str, line: int, shown: str, remedy: str
) -> None:
    (mistake,) = mistakes(tmp_path, f"{text}\n")
    assert mistake.startswith(f"sendook.toml, line {line}: ")
    assert shown in mistake
    assert remedy in mistake


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[delivery]\ntimout = 5", "2: delivery.timout: unknown setting, did you mean timeout?"),
        ("[delivery]\nxyzzy = 5", "line 2: delivery.xyzzy: unknown setting; [delivery] has retry"),
        ("[delivrey]\ntimeout = 5", "line 1: delivrey: unknown setting, did you mean delivery?"),
        ("timeout = 5", "line 1: timeout: unknown setting; the sections are server, inbound"),
        ("[alerts]\nfrom_address = 'a@b.example'", "[alerts] has email, from, webhook, heartbeat"),
        ("server.lissten = 5", "line 1: server.lissten: unknown setting, did you mean listen?"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_what_there_is(tmp_path: Path, text: str, told: str) -> None:
    assert told in mistakes(tmp_path, text)[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "[server]\nlisten = 1\n[delivery]\ntimeout = -1\nunknown = 1\n"
    assert len(mistakes(tmp_path, text)) == 3


@pytest.mark.parametrize("text", ["server = 5", "relay = 'smtp://user:secret@host'"])
def test_a_section_that_is_none_is_told_without_its_value(tmp_path: Path, text: str) -> None:
    for environment in ({}, {"SENDOOK_SERVER__LISTEN": "a:1", "SENDOOK_RELAY__URL": ""}):
        (mistake,) = mistakes(tmp_path, text, environment=environment)
        assert "must be a section, [" in mistake
        assert "secret" not in mistake


@pytest.mark.parametrize(("section", "key"), sorted(SECRET_KEYS))
def test_a_value_that_may_hold_a_password_is_not_shown(
    tmp_path: Path, section: str, key: str
) -> None:
    (mistake,) = mistakes(tmp_path, f'[{section}]\n{key} = "gopher://user:hunter2@host"\n')
    assert f"{section}.{key} = (not shown): must be" in mistake
    assert "hunter2" not in mistake


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, f'[server]\nlisten = "{"x" * 500}"\n')
    assert len(mistake) < 200
    assert "…" in mistake


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[server\n", "is not valid TOML: .*line 1"),
        (b"[server]\nlisten = \n", "is not valid TOML: .*line 2"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "sendook.toml"
    path.write_bytes(content)
    with pytest.raises(BadSettings, match=f"sendook.toml: {told}"):
        load({}, default_files=(path,))


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    for given in ({"config": missing}, {"environment": {"SENDOOK_CONFIG": missing}}):
        with pytest.raises(BadSettings, match="there is no such file"):
            load(given.get("environment", {}), config=given.get("config"))  # type: ignore[arg-type]  # the table is mixed


def test_a_default_file_need_not_be_there(tmp_path: Path) -> None:
    loaded = load({}, default_files=(tmp_path / "a", tmp_path / "b"))
    assert loaded.file is None
    (tmp_path / "b").write_text("[delivery]\ntimeout = 7\n")
    loaded = load({}, default_files=(tmp_path / "a", tmp_path / "b"))
    assert (loaded.file, loaded.settings.delivery.timeout) == (tmp_path / "b", 7)


def test_an_unreadable_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "s.toml").write_text("")
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(BadSettings, match="cannot be read: Permission denied"):
        load({}, config=str(tmp_path / "s.toml"))


def test_later_sources_win_key_by_key(tmp_path: Path) -> None:
    text = "[delivery]\ntimeout = 1\nslow_after = 1\nmax_in_flight = 1\nallow_http = false\n"
    environment = {
        "SENDOOK_DELIVERY__SLOW_AFTER": "2",
        "SENDOOK_DELIVERY__MAX_IN_FLIGHT": "2",
    }
    options = {"delivery": {"max_in_flight": 3, "timeout": None}}
    loaded = load_file(tmp_path, text, environment=environment, options=options, dev=True)
    delivery = loaded.settings.delivery
    assert (delivery.timeout, delivery.slow_after, delivery.max_in_flight) == (1, 2, 3)
    assert delivery.allow_http is False  # the file wins over --dev
    assert "127.0.0.0/8" in delivery.allow_networks
    assert loaded.settings.domains.trust is True


def test_a_mistake_is_told_where_it_was_made_last(tmp_path: Path) -> None:
    text = "[delivery]\ntimeout = 1\n"
    environment = {"SENDOOK_DELIVERY__TIMEOUT": "soon"}
    (mistake,) = mistakes(tmp_path, text, environment=environment)
    assert mistake.startswith("environment variable SENDOOK_DELIVERY__TIMEOUT: delivery.timeout")
    options = {"delivery": {"timeout": "now"}}
    (mistake,) = mistakes(tmp_path, text, environment=environment, options=options)
    assert mistake.startswith('option --timeout: delivery.timeout = "now"')


@pytest.mark.parametrize(
    ("variable", "text", "section", "key", "value"),
    [
        ("SENDOOK_INBOUND__DOMAINS", '["a.example", "b.example"]', "inbound", "domains",
         ("a.example", "b.example")),
        ("SENDOOK_DELIVERY__RETRY_SCHEDULE", " [1, 2.5]", "delivery", "retry_schedule", (1, 2.5)),
        ("SENDOOK_SERVER__LISTEN", "[::1]:8465", "server", "listen", "[::1]:8465"),
        ("SENDOOK_DELIVERY__ALLOW_HTTP", "true", "delivery", "allow_http", True),
        ("SENDOOK_ALERTS__FROM", "a@b.example", "alerts", "from_address", "a@b.example"),
        ("SENDOOK_DOMAINS__DKIM_SELECTOR", "2026", "domains", "dkim_selector", "2026"),
    ],
)  # fmt: skip
def test_the_environment_is_read_as_json_where_a_list_belongs(
    variable: str, text: str, section: str, key: str, value: object
) -> None:
    settings = load({variable: text}, default_files=()).settings
    assert getattr(getattr(settings, section), key) == value


@pytest.mark.parametrize("text", ["example.com", '["example.com"', '{"a": 1}', ""])
def test_a_list_that_is_none_is_told_with_how_to_write_it(text: str) -> None:
    with pytest.raises(BadSettings, match=r'SENDOOK_INBOUND__DOMAINS: .* such as \["a", "b"\]'):
        load({"SENDOOK_INBOUND__DOMAINS": text}, default_files=())


def test_an_unknown_variable_of_ours_is_told_and_others_are_not_looked_at() -> None:
    with pytest.raises(BadSettings, match=r"SENDOOK_DELIVERY__TIMOUT: .* did you mean timeout"):
        load({"SENDOOK_DELIVERY__TIMOUT": "5"}, default_files=())
    ignored = {"SENDOOK_API_KEY": "k", "SENDOOK_URL": "u", "PATH": "/bin", "OTHER__LISTEN": "x"}
    assert load(ignored, default_files=()).settings.delivery.timeout == 15


def test_options_that_were_not_given_change_nothing() -> None:
    settings = load({}, options={"server": {"listen": None}}, default_files=()).settings
    assert settings.server.listen == "127.0.0.1:8465"
