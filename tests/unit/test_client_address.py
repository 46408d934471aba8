"""Whose request it is, when proxies stand in between."""

import pytest

from sendook_lite.domain.client_address import client_address
from sendook_lite.domain.errors import Forbidden


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", "10.0.0.1"),
        ("192.0.2.9", "192.0.2.9"),
        ("203.0.113.5, 192.0.2.9", "192.0.2.9"),
        ("192.0.2.9, 10.0.0.7", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("nonsense, 192.0.2.9", "192.0.2.9"),
    ],
)
def test_the_word_of_trusted_proxies_counts_and_no_other(forwarded: str, address: str) -> None:
    assert str(client_address("10.0.0.1", forwarded, ("10.0.0.0/8",))) == address


@pytest.mark.parametrize(("peer", "forwarded"), [("192.0.2.1", "10.0.0.1"), ("10.0.0.1", "x")])
def test_who_came_through_a_stranger_is_not_known(peer: str, forwarded: str) -> None:
    with pytest.raises(Forbidden):
        client_address(peer, forwarded, ("10.0.0.0/8",))
