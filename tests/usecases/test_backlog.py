"""What is owed is known, and a large backlog is not counted again and again."""

from sendook_lite.store.backlog import Backlog
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Parameters, Row, Tx
from sendook_lite.usecases.backlog import BacklogWatch
from tests.fakes import START, FakeClock
from tests.usecases.product import Product


async def test_the_backlog_is_what_is_pending_and_since_when(product: Product) -> None:
    watch = BacklogWatch(product.store.reader, product.clock)
    assert await watch.read() == Backlog(0, None)
    await product.webhook()
    await product.inboxes.create("Ann", "ann@mail.example")
    await product.clock.advance(60)
    await product.inboxes.create("Bob", "bob@mail.example")
    assert await watch.read() == Backlog(2, START)


async def test_what_was_opened_again_is_pending_and_makes_nothing_older(product: Product) -> None:
    await product.webhook()
    await product.inboxes.create("Ann", "ann@mail.example")

    def open_again(tx: Tx) -> None:
        tx.execute("UPDATE deliveries SET trigger = 'replay'")

    await product.store.writer.write(open_again)
    watch = BacklogWatch(product.store.reader, product.clock)
    assert await watch.read() == Backlog(1, None)


class SlowReader(Reader):
    """Takes a second for every query."""

    def __init__(self, reader: Reader, clock: FakeClock) -> None:
        self._reader, self._watch = reader, clock
        self.asked = 0

    async def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        self.asked += 1
        await self._watch.advance(1)
        return await self._reader.all(sql, parameters)


async def test_counting_takes_a_fiftieth_of_the_time_at_most(product: Product) -> None:
    reader = SlowReader(product.store.reader, product.clock)
    watch = BacklogWatch(reader, product.clock)
    await watch.read()
    assert reader.asked == 2  # which took two seconds
    await product.clock.advance(99)
    await watch.read()
    assert reader.asked == 2
    await product.clock.advance(1)
    await watch.read()
    assert reader.asked == 4
