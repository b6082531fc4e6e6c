"""Readers that are slow, that lose what they were handed, or that come too late for it."""

from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import delete

from subgraphs.kernel import tables
from subgraphs.kernel.background import background
from subgraphs.kernel.bus import Bus, connection, topic_stream
from subgraphs.kernel.db import Database
from tests.kernel import shelf
from tests.kernel.conftest import heard, lend, until
from tests.kernel.sending import SHELF, send_all

GROUP = "library"


async def test_what_was_handed_out_and_lost_on_its_way_is_handled_while_the_consumer_lives(
    db: Database, bus: Bus, book: UUID
) -> None:
    async def is_heard() -> bool:
        return await heard(db) == [(book, 1)]

    await lend(db, book)
    await send_all(db, bus)
    async with background(partial(shelf.make_inbox().consume, db, bus)):
        await until(is_heard)
        async with db.begin() as session:  # as if it had never arrived
            await session.execute(delete(tables.INBOX))
            await session.execute(delete(shelf.Reader))
        [(position, _)] = await bus.valkey.xrange(topic_stream(SHELF))
        await bus.valkey.xclaim(topic_stream(SHELF), GROUP, GROUP, 0, [position], force=True)
        await until(is_heard)


async def test_of_two_requests_for_a_replay_the_one_that_goes_further_back_counts(bus: Bus) -> None:
    await bus.request_replay(SHELF, "2000-0")
    await bus.request_replay(SHELF, "1000-3")
    await bus.request_replay(SHELF, "3000-0")
    assert await bus.asked_replay(SHELF) == 1000

    await bus.replayed(SHELF, 2000)  # another one has come since
    assert await bus.asked_replay(SHELF) == 1000
    await bus.replayed(SHELF, 1000)
    assert await bus.asked_replay(SHELF) is None


async def test_entries_that_were_trimmed_while_in_hand_are_asked_for_again(
    db: Database, bus: Bus, book: UUID
) -> None:
    await bus.create_group(SHELF, "library")
    await lend(db, book, times=2)
    await send_all(db, bus)
    [first, _] = await bus.fresh([SHELF], "library")
    await bus.valkey.xtrim(topic_stream(SHELF), maxlen=0, approximate=False)

    assert await bus.abandoned(SHELF, "library") == []
    assert await bus.asked_replay(SHELF) == int(first.position.partition("-")[0])


async def test_a_backlog_goes_no_faster_than_a_reader_at_work(
    db: Database, bus: Bus, book: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_UNREAD", 2)
    assert not await bus.is_outrun(SHELF)  # there is no stream yet
    await bus.create_group(SHELF, "library")
    await lend(db, book, times=4)
    await send_all(db, bus)
    assert not await bus.is_outrun(SHELF)  # nobody has ever read

    [entry, *_] = await bus.fresh([SHELF], "library")
    await lend(db, book, times=3)
    await send_all(db, bus)
    assert entry.envelope.aggregate_seq == 1
    assert await bus.is_outrun(SHELF)

    await bus.fresh([SHELF], "library")
    assert not await bus.is_outrun(SHELF)
    await lend(db, book, times=3)
    await send_all(db, bus)
    monkeypatch.setattr(connection, "ALIVE_MS", 0)
    assert not await bus.is_outrun(SHELF)  # its reader has been gone for so long
