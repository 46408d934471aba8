"""Access: there is always one way in, keys are kept as hashes, and deleting one works at once."""

import pytest

from sendook_lite.domain.errors import Conflict, NotFound, Unauthorized
from sendook_lite.usecases.access import KEY_PREFIX, OPERATOR, Access, Principal
from tests.usecases.product import Product

FROM_ENVIRONMENT = "a-key-of-the-operator"


async def restart(
    product: Product, environment_key: str | None = None
) -> tuple[Access, str | None]:
    access = Access(product.store, product.clock)
    return access, await access.bootstrap(environment_key)


async def test_the_first_start_makes_one_admin_key(product: Product) -> None:
    access, made = await restart(product)
    assert made is not None
    assert made.startswith(KEY_PREFIX)
    principal = access.authenticate(made)
    assert principal.scopes == {"read", "write", "admin"}
    assert not principal.limited
    again, made_again = await restart(product)
    assert made_again is None
    assert again.authenticate(made).key_id == principal.key_id


async def test_a_key_from_the_environment_is_installed_instead(product: Product) -> None:
    access, made = await restart(product, FROM_ENVIRONMENT)
    assert made is None
    assert "admin" in access.authenticate(FROM_ENVIRONMENT).scopes
    for _ in range(2):
        access, _ = await restart(product, FROM_ENVIRONMENT)
    assert len(await access.list_all()) == 1


async def test_a_key_that_left_the_environment_is_revoked_and_works_when_it_returns(
    product: Product,
) -> None:
    await restart(product, FROM_ENVIRONMENT)
    access, _ = await restart(product, "another-key-of-the-operator")
    with pytest.raises(Unauthorized):
        access.authenticate(FROM_ENVIRONMENT)
    access, made = await restart(product)
    assert made is not None
    for key in (FROM_ENVIRONMENT, "another-key-of-the-operator"):
        with pytest.raises(Unauthorized):
            access.authenticate(key)
    access, _ = await restart(product, FROM_ENVIRONMENT)
    assert access.authenticate(FROM_ENVIRONMENT).key_id
    assert access.authenticate(made).key_id


async def test_a_lesser_key_in_the_environment_becomes_an_admin_key(product: Product) -> None:
    access, first = await restart(product)
    _, lesser = await access.create("reader", ("read",), ("inbox_1",))
    access, _ = await restart(product, lesser)
    principal = access.authenticate(lesser)
    assert "admin" in principal.scopes
    assert not principal.limited
    access, _ = await restart(product)
    with pytest.raises(Unauthorized):
        access.authenticate(lesser)
    assert first is not None
    assert access.authenticate(first).key_id


async def test_keys_that_came_otherwise_are_not_revoked_with_the_environment(
    product: Product,
) -> None:
    access, first = await restart(product, FROM_ENVIRONMENT)
    assert first is None
    _, made = await access.create("mine", ("admin",), ())
    access, new = await restart(product)
    assert new is None
    assert access.authenticate(made).key_id


async def test_no_key_can_be_found_in_the_files(product: Product) -> None:
    access, first = await restart(product)
    _, made = await access.create("second", ("read",), ())
    await restart(product, FROM_ENVIRONMENT)
    assert first is not None
    stored = b"".join(path.read_bytes() for path in product.store.directory.iterdir())
    assert b"second" in stored
    for key in (first, made, FROM_ENVIRONMENT):
        assert key.encode() not in stored
        assert key.removeprefix(KEY_PREFIX)[8:].encode() not in stored


@pytest.mark.parametrize("key", ["", "nonsense", "sk_nonsense", "\ud7ff", "sk_" + "x" * 10_000])
async def test_an_unknown_key_opens_nothing(product: Product, key: str) -> None:
    access, _ = await restart(product)
    with pytest.raises(Unauthorized):
        access.authenticate(key)


@pytest.mark.parametrize(
    ("scope", "implied"),
    [
        ("read", {"read"}),
        ("write", {"read", "write"}),
        ("admin", {"read", "write", "admin"}),
    ],
)
async def test_a_scope_implies_the_lesser_ones(
    product: Product, scope: str, implied: set[str]
) -> None:
    access, _ = await restart(product)
    key, secret = await access.create("k", (scope,), ())  # type: ignore[arg-type]  # a parameter
    assert access.authenticate(secret).scopes == implied
    assert secret.startswith(key.prefix)


async def test_a_limited_key_sees_its_inboxes_only(product: Product) -> None:
    access, _ = await restart(product)
    _, secret = await access.create("k", ("write",), ("inbox_1", "inbox_2"))
    principal = access.authenticate(secret)
    assert principal.limited
    seen = [principal.sees(each) for each in ("inbox_1", "inbox_2", "inbox_3", None)]
    assert seen == [True, True, False, False]
    assert all(OPERATOR.sees(each) for each in ("inbox_1", None))
    assert Principal(None, frozenset()).sees(None)


async def test_a_deleted_key_opens_nothing_from_then_on(product: Product) -> None:
    access, _ = await restart(product)
    key, secret = await access.create("k", ("admin",), ())
    assert await access.get(key.id) == key
    assert await access.delete(key.id) == key
    with pytest.raises(Unauthorized):
        access.authenticate(secret)
    for use in (access.get(key.id), access.delete(key.id)):
        with pytest.raises(NotFound):
            await use
    access, _ = await restart(product)
    with pytest.raises(Unauthorized):
        access.authenticate(secret)


async def test_the_last_admin_key_cannot_be_deleted(product: Product) -> None:
    access, first = await restart(product)
    await access.create("reader", ("read",), ())
    limited, _ = await access.create("limited", ("admin",), ("inbox_1",))
    assert first is not None
    identifier = access.authenticate(first).key_id
    assert identifier is not None
    with pytest.raises(Conflict, match="last admin key"):
        await access.delete(identifier)
    assert access.authenticate(first).key_id
    await access.delete(limited.id)
    second, _ = await access.create("second", ("admin",), ())
    await access.delete(identifier)
    with pytest.raises(Conflict):
        await access.delete(second.id)


async def test_when_keys_were_used_is_written_down_now_and_then(product: Product) -> None:
    access, _ = await restart(product)
    key, secret = await access.create("k", ("read",), ())
    await access.note_use()
    assert (await access.get(key.id)).last_used_at is None
    product.clock.wall += 5
    access.authenticate(secret)
    await access.note_use()
    assert (await access.get(key.id)).last_used_at == product.clock.wall
    assert (await access.list_all())[0].id == key.id
