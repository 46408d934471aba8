"""Raw mail: the bytes that came are the bytes that are read, whatever their number."""

import pytest

from sendook_lite.store import blobs
from tests.usecases.product import Product


@pytest.mark.parametrize("length", [0, 1, 99, 100, 101, 250])
async def test_a_content_is_kept_in_chunks_and_read_whole_or_bit_by_bit(
    product: Product, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(blobs, "CHUNK_BYTES", 100)
    raw = bytes(range(250))[:length]
    reader, write = product.store.reader, product.store.writer.write
    seq = await write(blobs.put, blobs.digest(raw), raw)
    assert await write(blobs.put, blobs.digest(raw), raw) == seq
    assert await blobs.read(reader, seq) == raw
    assert b"".join([chunk async for chunk in blobs.chunks(reader, seq)]) == raw
    assert await blobs.size(reader, seq) == length
    assert await product.count("blob_chunks") == max(1, -(-length // 100))


async def test_a_content_that_is_gone_is_empty(product: Product) -> None:
    assert await blobs.read(product.store.reader, 7) == b""
    assert await blobs.size(product.store.reader, 7) == 0
    assert [chunk async for chunk in blobs.chunks(product.store.reader, 7)] == []
