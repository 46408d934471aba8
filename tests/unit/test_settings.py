"""The settings themselves: documented in full, and what --dev changes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from sendook_lite.settings import DEV_DEFAULTS, DomainsSettings, Settings, parse_name_server
from sendook_lite.settings_sources import load

EXAMPLE = Path(__file__).parents[2] / "sendook.example.toml"


def defaults() -> dict[str, dict[str, Any]]:
    """Return every setting's default under its name in the file."""
    return Settings().model_dump(mode="json", by_alias=True)


def test_the_example_file_has_every_setting_with_its_default() -> None:
    assert tomllib.loads(EXAMPLE.read_text("utf-8")) == defaults()


def test_the_example_file_says_something_about_every_setting() -> None:
    described = [
        bool(re.search(r"# \S+ \S+", line))
        for line in EXAMPLE.read_text("utf-8").splitlines()
        if re.match(r"\w+ = ", line)
    ]
    assert all(described)
    assert len(described) == sum(len(section) for section in defaults().values())


def test_the_example_file_is_a_settings_file() -> None:
    assert load({}, config=str(EXAMPLE)).settings == Settings()


def test_every_section_has_a_line_on_what_it_is_for() -> None:
    for field in Settings.model_fields.values():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
        assert field.annotation.__doc__


def test_dev_changes_settings_that_exist_to_values_that_are_allowed() -> None:
    settings = Settings.model_validate(DEV_DEFAULTS)
    known = defaults()
    for section, values in DEV_DEFAULTS.items():
        assert set(values) <= set(known[section])
        assert all(known[section][key] != value for key, value in values.items())
    assert settings.relay.url == "capture:"
    assert settings.inbound.unknown_recipients == "create"


def test_settings_cannot_be_changed_once_they_are_loaded() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().delivery.timeout = 5


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("server", {"listen": "[::1]:0"}),
        ("server", {"public_url": "https://mail.example/sendook"}),
        ("server", {"trusted_proxies": ["fd00::/8", "10.0.0.1/32"]}),
        ("server", {"min_free_bytes": 0}),
        ("inbound", {"lmtp": "", "events": "tcp:127.0.0.1:0"}),
        ("inbound", {"lmtp": "unix:/run/sendook/lmtp.sock"}),
        ("inbound", {"domains": ["Example.COM."]}),
        ("delivery", {"retry_schedule": []}),
        ("delivery", {"retry_schedule": [0, 0.25, 604_800]}),
        ("delivery", {"timeout": 0.5, "disable_after": 0}),
        ("relay", {"url": "smtp+starttls://user:pass@host:587"}),
        ("alerts", {"from": "a@b.example", "email": ["c@d.example"]}),
    ],
)
def test_what_makes_sense_is_taken(section: str, values: dict[str, Any]) -> None:
    Settings.model_validate({section: values})


def test_domains_are_kept_in_lower_case() -> None:
    settings = Settings.model_validate({"inbound": {"domains": ["Example.COM."]}})
    assert settings.inbound.domains == ("example.com",)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://", "smtp://:25", "smtp://mx example", "smtp://mx..example", "smtp://mx.example:x",
        "smtp://mx.example:0", "smtp://mx.example:70000", "smtp://mx.example/inbox",
        "mx.example:25", "http://mx.example", "smtp://[::1", "smtps://u:p/q@mx.example",
    ],
)  # fmt: skip
def test_a_relay_that_leads_nowhere_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"relay": {"url": url}})
    (error,) = refused.value.errors()
    assert "smtp+starttls://user:pass@host:587" in error["msg"]


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:2525", "smtps://[::1]:465", "smtp://mx_1.lan"])
def test_a_relay_is_a_name_or_an_address(url: str) -> None:
    assert Settings.model_validate({"relay": {"url": url}}).relay.url == url


def test_a_schedule_has_at_most_twenty_delays_of_at_most_a_week() -> None:
    week = 7 * 24 * 3600
    Settings.model_validate({"delivery": {"retry_schedule": [week] * 20}})
    for wrong in ([1] * 21, [week + 0.5]):
        with pytest.raises(ValidationError):
            Settings.model_validate({"delivery": {"retry_schedule": wrong}})


@pytest.mark.parametrize(
    ("value", "server"),
    [
        ("9.9.9.9", ("9.9.9.9", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[2001:DB8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(
    value: str, server: tuple[str, int]
) -> None:
    assert DomainsSettings(resolver=(value,)).resolver == (value,)
    assert parse_name_server(value) == server


@pytest.mark.parametrize(
    "value",
    ["", "dns.example", "9.9.9.9:", "9.9.9.9:0", "9.9.9.9:65536", "[::1", "[::1]x", "::1:x"],
)
def test_what_is_no_name_server_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="must be an IP address"):
        DomainsSettings(resolver=(value,))
