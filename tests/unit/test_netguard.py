# ruff: noqa: RUF001 - full-width and other look-alike characters are what these tests are about
"""What a webhook may reach: tables of addresses and hosts, and every spelling of an address."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sendook_lite.domain.netguard import Guard, literal, normalise_host

# A busy machine is no failure.
unhurried = settings(deadline=None)

REFUSED_ADDRESSES = {
    "this network": ["0.0.0.0", "0.0.0.1", "0.255.255.255"],
    "private use": [
        *("10.0.0.0", "10.0.0.7", "10.255.255.255"),
        *("172.16.0.0", "172.20.1.1", "172.31.255.255"),
        *("192.168.0.0", "192.168.1.5", "192.168.255.255"),
    ],
    "carrier-grade NAT": ["100.64.0.0", "100.100.100.199", "100.127.255.255"],
    "loopback": ["127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255", "::1"],
    "link-local": ["169.254.0.0", "169.254.255.255", "fe80::", "fe80::1", "febf:ffff::1"],
    "IETF protocol assignments": [
        *("192.0.0.0", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.255"),
        *("2001:1::1", "2001:1::2", "2001:1::3", "2001:5::", "2001:1ff:ffff::"),
    ],
    "documentation": [
        *("192.0.2.0", "192.0.2.255", "198.51.100.7", "203.0.113.0", "203.0.113.255"),
        *("2001:db8::", "2001:db8:ffff::1", "3fff::1", "3fff:fff:ffff::"),
    ],
    "benchmarking": ["198.18.0.0", "198.19.255.255", "2001:2::1", "2001:2:0:ffff::1"],
    "AS112": [
        *("192.31.196.1", "192.175.48.1", "192.175.48.255"),
        *("2001:4:112::1", "2620:4f:8000::1", "2620:4f:8000:ffff::"),
    ],
    "AMT": ["192.52.193.1", "2001:3::1"],
    "6to4": ["192.88.99.1", "2002::1", "2002:808:808::1", "2002:7f00:1::", "2002:a00:7::1"],
    "multicast": [
        *("224.0.0.0", "224.0.0.251", "232.1.1.1", "239.255.255.255"),
        *("ff02::1", "ff0e::1", "ff00::", "ffff::1"),
    ],
    "reserved": ["240.0.0.0", "250.1.2.3", "255.255.255.254"],
    "broadcast": ["255.255.255.255"],
    "cloud metadata": [
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.42.42", "169.254.0.23"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
        *("fd00:a9fe:a9fe::1", "fd00:100::100:200", "fe80::a9fe:a9fe", "64:ff9b::a9fe:a9fe"),
    ],
    "unspecified": ["::"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.7", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe"],
    "IPv4-compatible": ["::127.0.0.1", "::8.8.8.8", "::2", "::a00:7"],
    "IPv4-translated": ["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"],
    "NAT64": [
        *("64:ff9b::7f00:1", "64:ff9b::10.0.0.7", "64:ff9b::", "64:ff9b::192.168.1.5"),
        *("64:ff9b:1::", "64:ff9b:1::808:808", "64:ff9b:1:ffff::1"),
    ],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:ffff::"],
    "ORCHID": ["2001:10::1", "2001:1f:ffff::", "2001:20::1", "2001:2f:ffff::"],
    "drone remote identification": ["2001:30::1", "2001:3f:ffff::"],
    "6bone": ["3ffe::1", "3ffe:ffff::"],
    "discard-only": ["100::", "100::ffff:ffff:ffff:ffff"],
    "dummy prefix": ["100:0:0:1::1"],
    "segment routing": ["5f00::1", "5f00:ffff::"],
    "unique local": ["fc00::1", "fd12:3456:789a::1", "fdff:ffff::"],
    "site-local": ["fec0::1", "feff:ffff::"],
    "outside 2000::/3": [
        *("64:ff9a::1", "64:ff9b:2::1", "100:1::", "200::1", "1fff:ffff::", "4000::1", "5eff::1"),
        *("5f01::1", "8000::1", "c000::1", "fb00::1", "fe00::1", "1::1"),
    ],
}
REFUSED = [(why, each) for why, group in REFUSED_ADDRESSES.items() for each in group]

PUBLIC_ADDRESSES = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255"),
    *("169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0"),
    *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.101.0"),
    *("203.0.112.255", "203.0.114.0", "223.255.255.255", "1.0.0.0", "93.184.216.34"),
    *("2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1"),
    *("2003::1", "2400:cb00::1", "2606:4700:4700::1111", "2620:4f:8001::1", "2620:fe::fe"),
    *("2a00:1450::1", "3ffd:ffff::1", "3fff:1000::1"),
    *("64:ff9b::8.8.8.8", "64:ff9b::101:101", "64:ff9b::5db8:d822"),
]


@pytest.mark.parametrize(("why", "address"), REFUSED)
def test_an_address_that_is_not_public_is_refused_by_the_name_of_its_range(
    why: str, address: str
) -> None:
    refusal = Guard().refusal(address)

    assert refusal is not None
    assert why in refusal


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_a_public_address_is_allowed(address: str) -> None:
    assert Guard().refusal(address) is None
    assert Guard().judge_host(address) is None


def test_the_refusal_names_the_address_the_range_and_its_use() -> None:
    guard = Guard()

    assert guard.refusal(IPv4Address("10.0.0.7")) == "10.0.0.7 is in 10.0.0.0/8 (private use)"
    assert guard.refusal("4000::1") == "4000::1 is outside 2000::/3 (not in public use)"
    assert guard.refusal("64:ff9b::a00:7") == (
        "64:ff9b::a00:7 leads through NAT64 to 10.0.0.7, which is in 10.0.0.0/8 (private use)"
    )


@pytest.mark.parametrize("text", ["", "example.com", "127.1", "8.8.8.8 ", "[::1]", "0x8080808"])
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert Guard().refusal(text) == f"{text!r} is not an IP address"


@pytest.mark.parametrize("address", ["fe80::1%eth0", "2606:4700:4700::1111%2"])
def test_an_address_with_a_zone_is_refused_even_when_its_network_is_open(address: str) -> None:
    refusal = Guard(["::/0", "fe80::/10"]).refusal(address)

    assert refusal == f"{address} is bound to one network interface"


def test_one_bad_address_spoils_a_whole_dns_answer() -> None:
    guard = Guard()

    assert guard.judge_all(["8.8.8.8", "2606:4700::1"]) is None
    assert guard.judge_all(["8.8.8.8", "10.0.0.7", "127.0.0.1"]) == guard.refusal("10.0.0.7")
    assert guard.judge_all([IPv6Address("::1"), IPv4Address("8.8.8.8")]) == guard.refusal("::1")
    assert guard.judge_all([]) is None


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (["192.168.1.0/24"], "192.168.1.5"),
        (["10.0.0.7"], "10.0.0.7"),
        ([IPv4Network("127.0.0.0/8")], "127.0.0.1"),
        (["127.0.0.0/8", "::1/128"], "::1"),
        (["fc00::/7"], "fd12::1"),
        ([IPv6Network("fe80::/10")], "fe80::1"),
        (["0.0.0.0/0"], "10.0.0.7"),
        (["::/0"], "::1"),
        (["::/0"], "4000::1"),
        (["4000::/3"], "4000::1"),
        (["169.254.169.254/32"], "169.254.169.254"),
        (["fd00:ec2::254"], "fd00:ec2::254"),
        (["fd00:ec2::/32"], "fd00:ec2::254"),
        (["168.63.129.16"], "168.63.129.16"),
        (["::ffff:192.168.1.0/120"], "::ffff:192.168.1.5"),
        (["::ffff:0:0/96"], "::ffff:192.168.1.5"),
        (["64:ff9b::/96"], "64:ff9b::10.0.0.7"),
        (["64:ff9b::a00:0/104"], "64:ff9b::10.0.0.7"),
        (["64:ff9b::a9fe:a9fe"], "64:ff9b::169.254.169.254"),
        (["2002:a00::/24"], "2002:a00:7::1"),
    ],
)
def test_an_allowed_network_opens_what_it_holds(
    networks: list[str | IPv4Network | IPv6Network], address: str
) -> None:
    assert Guard().refusal(address) is not None
    assert Guard(networks).refusal(address) is None
    assert Guard(networks).judge_host(address) is None


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (["192.168.1.0/24"], "192.168.2.1"),
        (["192.168.1.0/24"], "10.0.0.7"),
        (["192.168.1.0/24"], "::ffff:192.168.1.5"),
        (["192.168.1.0/24"], "::192.168.1.5"),
        (["192.168.1.0/24"], "64:ff9b::192.168.1.5"),
        (["10.0.0.0/8"], "2002:a00:7::1"),
        (["127.0.0.0/8"], "::1"),
        (["::1/128"], "127.0.0.1"),
        (["::/0"], "127.0.0.1"),
        (["::/0"], "::ffff:127.0.0.1"),
        (["::/0"], "::7f00:1"),
        (["::/0"], "64:ff9b::127.0.0.1"),
        (["2000::/3"], "2002:7f00:1::"),
        (["0.0.0.0/0"], "169.254.169.254"),
        (["169.254.0.0/16"], "169.254.169.254"),
        (["100.64.0.0/10"], "100.100.100.200"),
        (["fc00::/7"], "fd00:ec2::254"),
        (["fc00::/7"], "fd20:ce::254"),
        (["64:ff9b::/96"], "64:ff9b::169.254.169.254"),
    ],
)
def test_an_allowed_network_opens_nothing_else(networks: list[str], address: str) -> None:
    assert Guard(networks).refusal(address) is not None
    assert Guard(networks).judge_host(address) is not None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("", "'' is not a network; write it like 192.168.1.0/24"),
        ("localhost", "'localhost' is not a network; write it like 192.168.1.0/24"),
        ("10.0.0.0/33", "'10.0.0.0/33' is not a network; write it like 192.168.1.0/24"),
        ("192.168.1.5/24", "'192.168.1.5/24' has host bits set; the network is 192.168.1.0/24"),
        ("fd12::1/48", "'fd12::1/48' has host bits set; the network is fd12::/48"),
    ],
)
def test_what_is_not_a_network_cannot_be_allowed(entry: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"network") as caught:
        Guard([entry])

    assert str(caught.value) == message


LOOPBACK_NAMES = [
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "a.b.localhost.", "LocalHost"),
    *("localhost.localdomain", "localhost4", "localhost6", "localhost4.localdomain4"),
    *("localhost6.localdomain6", "ip6-localhost", "ip6-loopback", "loopback"),
    *(
        "ｌｏｃａｌｈｏｓｔ",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "a。localhost",
        "local\u00adhost",
        "𝐥𝐨𝐜𝐚𝐥𝐡𝐨𝐬𝐭",
        "localho\u017ft",
    ),
]


@pytest.mark.parametrize("name", LOOPBACK_NAMES)
def test_names_of_this_machine_are_refused_unless_loopback_is_open(name: str) -> None:
    refusal = Guard(["10.0.0.0/8"]).judge_host(name)

    assert refusal is not None
    assert "is a name of this machine itself" in refusal
    assert Guard(["127.0.0.0/8"]).judge_host(name) is None
    assert Guard(["::1/128"]).judge_host(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("example.com", "localhost.example.com", "notlocalhost", "localhost.test", "my_service"),
        *("metadata", "münchen.example", "a.localhost.b", "127.0.0.1.nip.io", "0x7f.example"),
    ],
)
def test_ordinary_names_are_left_to_the_judgement_of_their_addresses(name: str) -> None:
    assert Guard().judge_host(name) is None


SPELLINGS_OF_LOOPBACK = [
    *("127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0X7F000001"),
    *("017700000001", "0177.0.0.1", "0x7f.0.0.1", "0177.0x0.0.01", "127.0x1", "0x7f.1", "0177.1"),
    *("00000000177.0.0.1", "0x0000007f.1", "127.0.0.0x1", "127.0.0.01", "２１３０７０６４３３"),
    *("１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0．0｡1", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "¹²⁷.1", "₁₂₇.0.0.1"),
    *("０ｘ７ｆ.1", "127.0.0.1。", "1\u200b27.0.0.1", "12\u00ad7.1"),
]


@pytest.mark.parametrize("spelling", SPELLINGS_OF_LOOPBACK)
def test_every_spelling_of_an_ipv4_address_is_the_same_address(spelling: str) -> None:
    assert normalise_host(spelling) == "127.0.0.1"
    assert Guard().judge_host(spelling) == "127.0.0.1 is in 127.0.0.0/8 (loopback)"
    assert Guard(["127.0.0.1"]).judge_host(spelling) is None


@pytest.mark.parametrize(
    ("host", "normalised"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("my_service", "my_service"),
        ("_a.b-c.example", "_a.b-c.example"),
        ("r3---sn-xyz.example", "r3---sn-xyz.example"),
        ("1and1.example", "1and1.example"),
        ("0x7g", "0x7g"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("mu\u0308nchen.example", "xn--mnchen-3ya.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("३.example", "xn--g4b.example"),
        ("８.８.８.８", "8.8.8.8"),
        ("010.8.8.8", "8.8.8.8"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[2606:4700:4700:0:0:0:0:1111]", "2606:4700:4700::1111"),
        ("2001:DB8::A", "2001:db8::a"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["a" * 63] * 3 + ["b" * 61]) + ".", ".".join(["a" * 63] * 3 + ["b" * 61])),
    ],
)
def test_a_host_has_one_spelling(host: str, normalised: str) -> None:
    assert normalise_host(host) == normalised
    assert normalise_host(normalised) == normalised


NOT_HOSTS = [
    *("", ".", "..", "...", ".example.com", "example..com", "example.com..", "127.0.0.1..", "。"),
    *("127..1", "256.1", "127.0.0.256", "127.0.65536", "127.16777216", "4294967296", "1.2.3.4.5"),
    *("0x100000000", "08", "09.1", "0x", "127.0x", "1.2.3.0xg.4", "example.1", "a.0x1", "0400.1"),
    *("99999999999999999999", "0x7f.0.0.0.1", "127.0.0.1.0", "1.2.3.08", "00x1.1", "ａ.１"),
    *("-a.example", "a-.example", "-", "a b", "a\tb", "a\nb", "a/b", "a?b", "a#b", "a@b", "a\\b"),
    *("+127.1", "-127.1", "127.0.0.1 x", " 127.0.0.1", "127.0.0.1\n", "a\x00b", "a,b", "a;b", "*"),
    *("%31%32%37.1", "localhos%74", "127.0.0.1%00", "a%b", "％３１", "a!b", "a$b", "(1)", "⑴.1"),
    *("℀.example", "a＠b", "a／b", "a？b", "a＃b", "a：80", "a＼b", "［::1］", "⒈.1.1.1", "1․1"),
    *("a…b", "a﹒b", "٣.example", "\u2603.net", "\ud800", "\ufffd", "\u202e", "\u0301a", "💩.la"),
    *("xn--", "xn--n3h", "xn--127", "xn--localhost-", "xn--a", "xn--zzzz99999", "ab--ü"),
    *("a" * 64, "ü" * 63, "a" * 10_000, "ü" * 10_000, ".".join(["a" * 63] * 4)),
    ".".join(["ü" * 30] * 8),
    *("[]", "[", "]", "[::1", "::1]", "[::1]a", "[[::1]]", "[127.0.0.1]", "[localhost]", "[:]"),
    *("[::1%25eth0]", "[fe80::1%eth0]", "fe80::1%1", "::1%", "[::1 ]", "[1:2:3:4:5:6:7:8:9]"),
    *("[::ffff:127.1]", "[::ffff:0x7f.0.0.1]", ":::", "1::2::3", "[::１]", "12345::", "::1:"),
]


@pytest.mark.parametrize("host", NOT_HOSTS)
def test_a_host_that_has_no_one_spelling_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        normalise_host(host)

    assert type(caught.value) is ValueError
    assert Guard(["0.0.0.0/0", "::/0"]).judge_host(host) == str(caught.value)


@pytest.mark.parametrize("host", ["256.1", "1.256.1", "4294967296", "1.2.3.4.5", "08", "a.1"])
def test_a_number_out_of_range_is_called_no_ipv4_address(host: str) -> None:
    refusal = Guard().judge_host(host)

    assert refusal == f"the host {host!r} ends in a number and is not an IPv4 address"


def test_a_literal_is_told_from_a_name() -> None:
    assert literal("8.8.8.8") == IPv4Address("8.8.8.8")
    assert literal("::1") == IPv6Address("::1")
    assert literal("example.com") is None


REFUSED_V4 = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
]
ZEROS = {
    "ascii": "0",
    "full-width": "０",
    "bold": "\U0001d7ce",
    "double-struck": "\U0001d7d8",
    "segmented": "\U0001fbf0",
}
CIRCLED = dict(zip("0123456789", "⓪①②③④⑤⑥⑦⑧⑨", strict=True))


@st.composite
def addresses(draw: st.DrawFn) -> IPv4Address:
    network = ip_network(draw(st.sampled_from(REFUSED_V4)))
    return IPv4Address(draw(st.integers(int(network[0]), int(network[-1]))))


@st.composite
def spellings(draw: st.DrawFn, address: IPv4Address) -> str:
    """One of the ways inet_aton and Unicode offer to write an address."""
    packed = address.packed
    parts = draw(st.integers(1, 4))
    numbers = [*packed[: parts - 1], int.from_bytes(packed[parts - 1 :], "big")]
    forms = st.sampled_from(["{}", "0{:o}", "000{:o}", "0x{:x}", "0X{:X}", "0x00{:x}"])
    dots = st.sampled_from(".。．｡")
    text = str(draw(forms)).format(numbers[0])
    for number in numbers[1:]:
        text += draw(dots) + str(draw(forms)).format(number)
    text += draw(st.sampled_from(["", ".", "。"]))
    digits = draw(st.sampled_from([*ZEROS, "circled"]))
    table = (
        CIRCLED if digits == "circled" else {str(n): chr(ord(ZEROS[digits]) + n) for n in range(10)}
    )
    return "".join(table.get(char, char) for char in text)


@unhurried
@given(st.data())
def test_no_spelling_of_a_refused_ipv4_address_slips_through(data: st.DataObject) -> None:
    address = data.draw(addresses())
    spelling = data.draw(spellings(address))

    assert normalise_host(spelling) == str(address)
    assert Guard().judge_host(spelling) is not None


@unhurried
@given(st.text(alphabet="0123456789abcdefx.X", min_size=1, max_size=16))
def test_what_the_c_library_takes_for_an_address_is_that_address_here_too(text: str) -> None:
    try:
        known = socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return

    try:
        assert normalise_host(text) == known
    except ValueError:
        return  # refused: stricter is fine, a name would not be


@unhurried
@given(addresses(), st.sampled_from(["::ffff:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"]))
def test_no_ipv6_form_of_a_refused_ipv4_address_slips_through(
    address: IPv4Address, prefix: str
) -> None:
    high, low = divmod(int(address), 1 << 16)

    for written in (f"{prefix}{address}", f"{prefix}{high:x}:{low:X}"):
        assert Guard().refusal(written) is not None
        assert Guard().judge_host(f"[{written}]") is not None
    assert Guard().refusal(f"2002:{high:x}:{low:x}::1") is not None


@unhurried
@given(st.integers(0, (1 << 128) - 1).map(IPv6Address))
def test_ipv6_outside_global_unicast_is_refused_but_for_nat64(address: IPv6Address) -> None:
    if address not in IPv6Network("2000::/3") and address not in IPv6Network("64:ff9b::/96"):
        assert Guard().refusal(address) is not None


HOSTILE = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="0123456789abcdefx.:[]%-_@/\\ １①。．\u00ad\u200dü", max_size=40),
    st.text(alphabet=".0123456789axXn-", max_size=20).map("xn--".__add__),
    st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")),
    st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)


@unhurried
@given(HOSTILE)
def test_any_text_is_normalised_for_good_or_refused(host: str) -> None:
    try:
        normalised = normalise_host(host)
    except UnicodeError:
        pytest.fail("a codec's error came through")
    except ValueError:
        return

    assert normalise_host(normalised) == normalised
    assert set(normalised) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.:")
    assert Guard().judge_host(host) == Guard().judge_host(normalised)
