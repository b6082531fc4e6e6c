"""Listening to one aggregate: resuming, gaps, and readers that are too slow."""

import asyncio
from contextlib import aclosing
from functools import partial
from uuid import UUID, uuid4

from subgraphs.kernel.background import background
from subgraphs.kernel.bus import Bus, Heard, key_stream
from subgraphs.kernel.db import Database
from tests.kernel.conftest import lend, until
from tests.kernel.sending import SHELF, send_all


async def collect(bus: Bus, book: UUID, count: int, **cursor: int | None) -> list[Heard]:
    async with aclosing(bus.listen(SHELF, book, **cursor)) as listening:  # type: ignore[arg-type]
        return [await anext(listening) for _ in range(count)]


async def test_a_listener_resumes_after_its_cursor_and_goes_on_live(
    db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book, times=3)
    await send_all(db, bus)
    listening = bus.listen(SHELF, book, after=1, head=3)
    async with aclosing(listening), background(partial(_follow, bus)):
        assert [(await anext(listening)).cursor for _ in range(2)] == [2, 3]
        await lend(db, book)
        await send_all(db, bus)
        assert (await anext(listening)).cursor == 4


async def _follow(bus: Bus) -> None:
    await bus.follow([SHELF])


async def test_a_cursor_older_than_what_is_kept_yields_a_resync_first(
    db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book, times=5)
    await send_all(db, bus)
    await bus.valkey.xtrim(key_stream(SHELF, book), maxlen=2, approximate=False)

    heard = await collect(bus, book, 3, after=1, head=5)

    assert [(h.cursor, h.envelope is None) for h in heard] == [(3, True), (4, False), (5, False)]


async def test_a_stream_that_is_gone_yields_one_resync(db: Database, bus: Bus, book: UUID) -> None:
    await lend(db, book, times=2)
    [heard] = await collect(bus, book, 1, after=0, head=2)
    assert heard == Heard(2, None)


async def test_a_listener_that_falls_behind_loses_nothing(
    db: Database, bus: Bus, book: UUID
) -> None:
    async with aclosing(bus.listen(SHELF, book, after=None, head=0)) as listening:
        first = asyncio.ensure_future(anext(listening))
        await until(partial(_registered, bus))
        async with background(partial(_follow, bus)):
            await lend(db, book, times=250)
            await send_all(db, bus)
            seen = [(await first).cursor]
            seen += [(await anext(listening)).cursor for _ in range(249)]

    assert seen == list(range(1, 251))


async def _registered(bus: Bus) -> bool:
    return bool(bus.__dict__["_queues"])


async def test_what_came_and_went_before_a_listener_was_there_is_heard(
    db: Database, bus: Bus, book: UUID
) -> None:
    await bus.take_positions([SHELF])
    await lend(db, book)  # after the head was looked up, which was 0 then
    await send_all(db, bus)
    assert len(await bus.follow([SHELF])) == 1

    [heard] = await collect(bus, book, 1, after=None, head=0)

    assert heard.cursor == 1


async def test_who_listens_before_the_process_follows_the_topic_misses_nothing(
    db: Database, bus: Bus, book: UUID
) -> None:
    """So it is when a process starts while Valkey is away."""
    async with aclosing(bus.listen(SHELF, book, after=None, head=0)) as listening:
        first = asyncio.ensure_future(anext(listening))
        await until(partial(_registered, bus))
        await until(partial(_replayed, bus))
        await lend(db, book)
        await send_all(db, bus)
        async with background(partial(_follow, bus)), asyncio.timeout(10):
            assert (await first).cursor == 1


async def _replayed(bus: Bus) -> bool:
    """The listener has asked for its past, which came to nothing: it waits for what is new."""
    [[queue]] = bus.__dict__["_queues"].values()
    return bool(queue.__dict__["_getters"])


async def test_nobody_hears_of_other_aggregates(db: Database, bus: Bus, book: UUID) -> None:
    await lend(db, book)
    await send_all(db, bus)
    [heard] = await collect(bus, uuid4(), 1, after=0, head=1)
    assert heard.envelope is None


async def test_a_listener_ends_whenever_it_is_cancelled(bus: Bus) -> None:
    async def listen() -> None:
        async with aclosing(bus.listen(SHELF, uuid4(), after=0, head=0)) as listening:
            await anext(listening)

    for turns in range(200):  # of the loop: somewhere in a request to Valkey
        listener = asyncio.create_task(listen())
        for _ in range(turns % 40):
            await asyncio.sleep(0)
        listener.cancel()
        done, _ = await asyncio.wait([listener], timeout=5)
        assert done
