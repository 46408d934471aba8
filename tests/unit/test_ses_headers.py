import pytest

from sendook_lite.domain.ses_headers import add_ses_headers

MAIL = b"Subject: Hello\r\n\r\nX-SES-MESSAGE-TAGS: not a header\r\n"
TAGS = {"campaign": "spring", "region": "eu"}


def test_the_headers_stand_before_those_of_the_mail() -> None:
    assert add_ses_headers(MAIL, "main", TAGS) == (
        b"X-SES-CONFIGURATION-SET: main\r\n"
        b"X-SES-MESSAGE-TAGS: campaign=spring, region=eu\r\n" + MAIL
    )


def test_without_settings_a_mail_stays_as_it_is() -> None:
    assert add_ses_headers(MAIL, "", {}) == MAIL


@pytest.mark.parametrize("name", [b"X-SES-CONFIGURATION-SET", b"x-ses-configuration-set"])
@pytest.mark.parametrize("place", [0, 1])
def test_what_a_mail_says_itself_counts(name: bytes, place: int) -> None:
    lines = [b"Subject: Hello"]
    lines.insert(place, name + b": its own")
    mail = b"\r\n".join((*lines, b"", b"text"))
    assert add_ses_headers(mail, "main", {}) == mail
