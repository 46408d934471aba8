# ruff: noqa: RUF001 - look-alike characters are what these tests are about
"""The URL of a webhook has exactly one reading, or none."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sendook_lite.domain.endpoint_url import MAX_URL, EndpointUrl, parse
from sendook_lite.domain.netguard import Guard

# A busy machine is no failure.
unhurried = settings(deadline=None)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://example.com", ("https", "example.com", 443, "/", "example.com")),
        ("http://example.com/", ("http", "example.com", 80, "/", "example.com")),
        ("HTTPS://EXAMPLE.com/A?b=C", ("https", "example.com", 443, "/A?b=C", "example.com")),
        ("https://example.com:443/", ("https", "example.com", 443, "/", "example.com")),
        ("https://example.com:80/", ("https", "example.com", 80, "/", "example.com:80")),
        ("http://example.com:00080/", ("http", "example.com", 80, "/", "example.com")),
        ("http://example.com:65535", ("http", "example.com", 65535, "/", "example.com:65535")),
        ("http://example.com:1?x", ("http", "example.com", 1, "/?x", "example.com:1")),
        ("https://example.com.?", ("https", "example.com", 443, "/?", "example.com")),
        ("http://a/b@c:d?e@f", ("http", "a", 80, "/b@c:d?e@f", "a")),
        ("http://a?@b", ("http", "a", 80, "/?@b", "a")),
        ("http://a//b/../c/./d;e", ("http", "a", 80, "//b/../c/./d;e", "a")),
        ("http://a/%41%2f%zz%", ("http", "a", 80, "/%41%2f%zz%", "a")),
        ("http://a/ü?q=☃", ("http", "a", 80, "/%C3%BC?q=%E2%98%83", "a")),
        ('http://a/"<>^`{|}', ("http", "a", 80, "/%22%3C%3E%5E%60%7B%7C%7D", "a")),
        ("http://a/!$&'()*+,;=-._~[]", ("http", "a", 80, "/!$&'()*+,;=-._~[]", "a")),
        ("http://a/x://y", ("http", "a", 80, "/x://y", "a")),
        ("https://bü.example/", ("https", "xn--b-eha.example", 443, "/", "xn--b-eha.example")),
        ("http://my_service:8080/in", ("http", "my_service", 8080, "/in", "my_service:8080")),
        ("http://[2606:4700::1]/", ("http", "2606:4700::1", 80, "/", "[2606:4700::1]")),
        ("http://[2606:4700:0::1]:81", ("http", "2606:4700::1", 81, "/", "[2606:4700::1]:81")),
        ("http://0x8.8.2056/", ("http", "8.8.8.8", 80, "/", "8.8.8.8")),
        ("http://①②⑦。1:8080/", ("http", "127.0.0.1", 8080, "/", "127.0.0.1:8080")),
    ],
)
def test_a_url_is_read_into_what_is_judged_and_what_is_sent(
    url: str, parts: tuple[str, str, int, str, str]
) -> None:
    read = parse(url)

    assert (read.scheme, read.host, read.port, read.target, read.host_header) == parts


def test_the_literal_is_the_address_that_the_host_is() -> None:
    assert parse("http://2130706433/").literal == ip_address("127.0.0.1")
    assert parse("http://[::1]:81/").literal == ip_address("::1")
    assert parse("http://example.com/").literal is None


SCHEME = "The URL must begin with https:// or http://."
CREDENTIALS = "The URL must not hold a user name or password; use a custom header."
FRAGMENT = "The URL must not have a fragment (#); it would never be sent."
BACKSLASH = "The URL must not hold a backslash; write / or %5C."
CONTROLS = "The URL must not hold spaces or control characters; write them as %20."
NO_HOST = "The URL has no host; write it like https://example.com/hook."
HOST = "The URL's host cannot be used: "
PORT = "The URL's port must be a number from 1 to 65535."
COLON = "The URL's host holds a colon; write IPv6 in brackets, like [2600::1]."
BRACKET = "The URL's host has a stray bracket; write IPv6 like [2600::1]."
AFTER = "After the ] of the URL's host only a port may follow, like :8443."

REFUSED_URLS = {
    SCHEME: [
        *("", "http", "http:", "http:/a", "http:a", "//a/", "a.example/hook", "://a", "ftp://a/"),
        *("file:///etc/passwd", "gopher://a/", "javascript:x", "ws://a/", "unix://a", "httpx://a"),
        *("https:a://b", "http+unix://a/", "ｈttp://a/", "http\u017f://a/", "data:,x", "h://a"),
    ],
    CREDENTIALS: [
        *("http://user@a/", "http://user:pass@a/", "http://:@a/", "http://@a/", "http://a:80@b/"),
        *("http://8.8.8.8@127.0.0.1/", "http://a@b@c/", "http://[::1]@a/", "http://a@[::1]/"),
        *("http://example.com:80@10.0.0.7:81/", "http://user%40a@b/", "https://@"),
    ],
    FRAGMENT: [
        *("http://a#", "http://a/#x", "http://a#@b/", "http://a/?b#c", "#", "http://#a"),
    ],
    BACKSLASH: [
        *("http:\\\\a/", "http://a\\@b/", "http://a\\b", "http://a/\\b", "http://\\\\a/", "\\"),
        *("http:/\\a/", "http://a?\\"),
    ],
    CONTROLS: [
        *(" http://a/", "http://a/ ", "http://a b/", "http://a/b c", "ht\ntp://a/", "http://a\t/"),
        *("http://a\r\nHost: b/", "http://a/\x00", "http://a/\x7f", "http://a/\x85", "\x00"),
        *("http://a/\xa0", "http://a\u3000b/", "http://a/\u2028", "http://a/\u2029", "http://\n"),
        *("http://a/\ud800", "http://a/?\udcff", "http://a/\x1b[0m", "http://1\n27.0.0.1/"),
    ],
    NO_HOST: [
        *(
            "http://",
            "http:///",
            "http:///x",
            "https://?x",
            "http://:80/",
            "http://:",
            "http:////a",
        ),
    ],
    HOST: [
        *("http://./", "http://../", "http://a..b/", "http://.a/", "http://a../", "http://%61/"),
        *(
            "http://127.0.0.1%00/",
            "http://%31%32%37.1/",
            "http://a%40b/",
            "http://a%2fb/",
        ),
        *("http://256.1.1.1/", "http://1.2.3.4.5/", "http://08/", "http://a.1/", "http://-a/"),
        *("http://a＠b/", "http://a／b/", "http://a：80/", "http://a？b", "http://［a］/"),
        *("http://[]/", "http://[::1%25lo]/", "http://[fe80::1%lo]/", "http://[127.0.0.1]/"),
        *("http://[a]b]/", "http://[a]/", "http://[::1]]/", "http://[[::1]]/", "http://\u2603/"),
        *(
            "http://xn--n3h/",
            "http://a,b/",
            "http://*.a/",
            "http://a|b/",
            'http://"a"/',
            "http://{a}",
        ),
        *("http://" + "a" * 64 + "/", "http://" + "a." * 127 + "aa", "http://" + "ü" * 300 + "/"),
    ],
    PORT: [
        *("http://a:/", "http://a:0/", "http://a:65536/", "http://a:99999/", "http://a:100000/"),
        *("http://a:-1/", "http://a:+80/", "http://a:8_0/", "http://a:80a/", "http://a:0x50/"),
        *("http://a:８０/", "http://a:٨٠/", "http://[::1]:/", "http://[::1]:x/", "http://a:1.0/"),
        *("http://a:000080/", "http://a:²/"),
    ],
    COLON: [
        *(
            "http://::1/",
            "http://［::1］/",
            "http://a:80:80/",
            "http://a::80/",
            "http://2606:4700::1/",
            "http://a:b:1",
        ),
    ],
    BRACKET: [
        *(
            "http://[::1",
            "http://[::1/",
            "http://::1]/",
            "http://a[::1]/",
            "http://a]/",
            "http://[",
        ),
        *("http://]/", "http://[::1:80/", "http://a]:80/"),
    ],
    AFTER: [
        *("http://[::1]a/", "http://[::1]a:80/", "http://[::1].a/", "http://[::1]80"),
    ],
}


@pytest.mark.parametrize(
    ("message", "url"), [(message, url) for message, urls in REFUSED_URLS.items() for url in urls]
)
def test_a_url_with_no_single_reading_is_refused_with_what_would_be_right(
    message: str, url: str
) -> None:
    with pytest.raises(ValueError, match="URL") as caught:
        parse(url)

    assert type(caught.value) is ValueError
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(".")


def test_a_url_may_be_2048_characters_long_and_no_longer() -> None:
    start = "https://example.com/"
    longest = start + "a" * (MAX_URL - len(start))

    assert parse(longest).target == longest.removeprefix("https://example.com")
    with pytest.raises(ValueError, match=r"^The URL must have at most 2,048 characters\.$"):
        parse(longest + "a")


def test_no_message_repeats_credentials_path_or_query() -> None:
    for url in ("http://u:hush@a/", "http://a:0/hush", "http://a:x/?hush", "http://-a/hush#"):
        with pytest.raises(ValueError, match="URL") as caught:
            parse(url)
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1/", "http://localhost/", "http://2130706433/", "http://0x7f.1:8080/"),
        *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", "http://0/"),
        *("http://169.254.169.254/latest/meta-data/", "http://a.localhost./", "http://①⓪.1/"),
        *("https://[64:ff9b::a9fe:a9fe]/", "https://[fd00:ec2::254]/", "http://192.168.1.1:443"),
        *("http://0177.0.0.1?x", "https://１０.0.0.7/", "http://168.63.129.16/", "http://10.1/"),
    ],
)
def test_the_host_that_was_read_is_the_host_that_is_judged(url: str) -> None:
    assert Guard().judge_host(parse(url).host) is not None


HOSTS = st.sampled_from(
    ["example.com", "8.8.8.8", "[2606:4700::1]", "bücher.example", "my_service"]
)
PORTS = st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format))
TARGETS = st.text(
    alphabet=st.characters(
        exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], exclude_characters="\\#"
    ),
    max_size=60,
).map(lambda text: text and "/" + text)


@unhurried
@given(st.sampled_from(["http", "https"]), HOSTS, PORTS, TARGETS)
def test_what_was_read_reads_the_same_again(scheme: str, host: str, port: str, target: str) -> None:
    read = parse(f"{scheme}://{host}{port}{target}")

    assert read.target.isascii()
    assert not any(char <= " " for char in read.target)
    assert parse(f"{read.scheme}://{read.host_header}{read.target}") == read


PIECES = st.sampled_from(
    [
        "http",
        "https",
        ":",
        "/",
        "//",
        "@",
        "\\",
        "#",
        "?",
        "[",
        "]",
        "::1",
        "a",
        "127.1",
        ".",
        "%",
        "\t",
    ]
)


@unhurried
@given(
    st.one_of(
        st.text(max_size=200),
        st.text(max_size=80).map("http://".__add__),
        st.lists(PIECES, max_size=12).map("".join),
        st.lists(PIECES, max_size=8).map(lambda pieces: "https://" + "".join(pieces)),
        st.binary(max_size=100).map(lambda raw: "http://" + raw.decode("latin-1")),
        st.binary(max_size=100).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    )
)
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        read = parse(text)
    except UnicodeError:
        pytest.fail("a codec's error came through")
    except ValueError:
        return

    assert isinstance(read, EndpointUrl)
    assert parse(f"{read.scheme}://{read.host_header}{read.target}") == read
