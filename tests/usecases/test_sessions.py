"""Sessions: worth what their key is worth, for a while, from addresses that do not guess."""

import pytest

from sendook_lite.domain.errors import TooMany, Unauthorized
from sendook_lite.store import sessions as rows
from sendook_lite.usecases.access import Access
from sendook_lite.usecases.sessions import SESSION_SECONDS, TRIES, TRIES_SECONDS, Sessions
from tests.fakes import FakeClock
from tests.usecases.product import Product

ADDRESS = "192.0.2.1"


async def opened(product: Product, clock: FakeClock) -> tuple[Sessions, Access, str]:
    access = Access(product.store, clock)
    await access.bootstrap("sk_of_the_environment")
    return Sessions(product.store, access, clock), access, "sk_of_the_environment"


async def test_a_session_stands_for_its_key_and_only_a_hash_is_stored(product: Product) -> None:
    sessions, _, key = await opened(product, product.clock)
    token = await sessions.open(key, ADDRESS)
    assert (await sessions.principal(token)).scopes == {"read", "write", "admin"}
    ((stored,),) = await product.rows("SELECT token_hash FROM sessions")
    assert len(token) == 64
    assert bytes.fromhex(token) != stored
    with pytest.raises(Unauthorized):
        await sessions.principal(stored.hex())
    await sessions.close(token)
    with pytest.raises(Unauthorized):
        await sessions.principal(token)


async def test_a_session_ends_with_its_time_or_its_key(product: Product) -> None:
    clock = product.clock
    sessions, access, key = await opened(product, clock)
    other, secret = await access.create("other", ("read",), ())
    old, short = await sessions.open(key, ADDRESS), await sessions.open(secret, ADDRESS)
    await access.delete(other.id)
    with pytest.raises(Unauthorized):
        await sessions.principal(short)
    assert await product.count("sessions") == 1
    clock.wall += SESSION_SECONDS * 1000 - 1
    await sessions.principal(old)
    clock.wall += 1
    with pytest.raises(Unauthorized):
        await sessions.principal(old)
    await sessions.open(key, ADDRESS)
    assert await product.count("sessions") == 1


async def test_there_are_only_so_many_sessions(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_SESSIONS", 3)
    sessions, _, key = await opened(product, product.clock)
    tokens = [await sessions.open(key, ADDRESS) for _ in range(5)]
    assert await product.count("sessions") == 3
    with pytest.raises(Unauthorized):
        await sessions.principal(tokens[1])
    await sessions.principal(tokens[2])


async def test_an_address_that_guesses_has_to_wait_and_no_other_has(product: Product) -> None:
    clock = product.clock
    sessions, _, key = await opened(product, clock)
    for _ in range(TRIES):
        with pytest.raises(Unauthorized):
            await sessions.open("sk_wrong", ADDRESS)
        clock.elapsed += 1
    with pytest.raises(TooMany) as refused:
        await sessions.open(key, ADDRESS)
    assert refused.value.retry_after == TRIES_SECONDS - TRIES + 1
    await sessions.open(key, "192.0.2.2")
    clock.elapsed += TRIES_SECONDS - TRIES + 1
    await sessions.open(key, ADDRESS)
