"""From a commit to its effect elsewhere: nothing lost, nothing twice, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from infra.stack import Stack
from subgraphs.kernel import outbox, tables
from subgraphs.kernel.background import background
from subgraphs.kernel.bus import Bus, RestartedError, key_stream, topic_stream
from subgraphs.kernel.db import Database
from subgraphs.kernel.inbox import MAX_ATTEMPTS, Inbox
from subgraphs.kernel.relay import BATCH, leadership, relay, send_batch
from tests.kernel import shelf
from tests.kernel.conftest import heard, lend, unsent, until
from tests.kernel.sending import SHELF, send_all


@asynccontextmanager
async def consuming(inbox: Inbox, db: Database, bus: Bus) -> AsyncIterator[None]:
    async with background(partial(inbox.consume, db, bus)):
        yield


async def test_events_are_numbered_by_aggregate_and_sent_in_order(
    db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book, times=3)
    await send_all(db, bus)

    entries = await bus.since(SHELF, 60_000)

    assert [entry.envelope.aggregate_seq for entry in entries] == [1, 2, 3]
    assert [entry.envelope.data["times"] for entry in entries] == [1, 2, 3]
    assert [entry.previous for entry in entries] == ["", *(e.position for e in entries[:-1])]
    assert await unsent(db) == 0


async def test_a_transaction_that_fails_leaves_neither_state_nor_event(
    db: Database, book: UUID
) -> None:
    async def lend_and_fail(session: AsyncSession) -> None:
        await shelf.lend(session, book)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await db.transact(lend_and_fail)

    async with db.read() as session:
        assert (await session.get_one(shelf.Book, book)).lent == 0
        assert (await session.scalars(select(tables.OUTBOX.c.id))).all() == []


async def test_a_sent_event_is_kept_so_that_a_lost_valkey_can_be_refilled(
    db: Database, bus: Bus, book: UUID
) -> None:
    await bus.identify()
    await lend(db, book, times=3)

    async def sent() -> bool:
        return await unsent(db) == 0

    async with background(partial(relay, db.engine, bus, name=SHELF, topics=[SHELF])):
        await until(sent)
        async with db.read() as session:
            await until(partial(_known, session))
        await bus.valkey.flushall()
        await until(partial(_length_is, bus, 3))

    async with aclosing(bus.listen(SHELF, book, after=0, head=3)) as listening:
        assert [(await anext(listening)).cursor for _ in range(3)] == [1, 2, 3]


async def _known(session: AsyncSession) -> bool:
    found = await session.execute(select(tables.BUS_STATE.c.topic))
    return bool(found.all())


async def _length_is(bus: Bus, length: int) -> bool:
    return int(await bus.valkey.xlen(topic_stream(SHELF))) == length


async def test_a_restarted_valkey_gets_what_it_lost_before_anything_new(
    db: Database, bus: Bus, book: UUID, stores: Stack
) -> None:
    async def all_sent() -> bool:
        return await unsent(db) == 0

    await lend(db, book, times=2)
    async with background(partial(relay, db.engine, bus, name=SHELF, topics=[SHELF])):
        await until(all_sent)
        async with db.read() as session:
            await until(partial(_known, session))

    await asyncio.to_thread(stores.restart, "valkey")
    await bus.valkey.delete(topic_stream(SHELF), key_stream(SHELF, book))
    await lend(db, book)
    async with leadership(db.engine, "test") as connection:
        with pytest.raises(RestartedError):
            await send_batch(connection, bus)
    assert await unsent(db) == 1

    async with background(partial(relay, db.engine, bus, name=SHELF, topics=[SHELF])):
        await until(partial(_length_is, bus, 3))
    async with aclosing(bus.listen(SHELF, book, after=0, head=3)) as listening:
        assert [(await anext(listening)).cursor for _ in range(3)] == [1, 2, 3]


async def test_an_event_sent_twice_takes_effect_once_and_is_heard_once(
    db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book, times=2)
    await send_all(db, bus)
    async with db.begin() as session:  # the relay died before it could mark them
        await session.execute(update(tables.OUTBOX).values(sent_at=None))
    await send_all(db, bus)
    assert await _length_is(bus, 4)

    async with consuming(shelf.make_inbox(), db, bus):
        await until(partial(_acknowledged, bus, 4))

    assert await heard(db) == [(book, 1), (book, 2)]
    async with aclosing(bus.listen(SHELF, book, after=0, head=2)) as listening:
        assert [(await anext(listening)).cursor for _ in range(2)] == [1, 2]
    assert await bus.valkey.xlen(key_stream(SHELF, book)) == 2


async def _acknowledged(bus: Bus, entries: int) -> bool:
    groups = await bus.valkey.xinfo_groups(topic_stream(SHELF))
    return [(group["entries-read"], group["pending"]) for group in groups] == [(entries, 0)]


async def test_a_refused_event_waits_with_those_behind_it_and_lets_others_pass(
    db: Database, bus: Bus, book: UUID
) -> None:
    other = (await db.transact(shelf.add_book)).id
    await bus.valkey.set(key_stream(SHELF, book), "not a stream")
    await lend(db, book, times=2)
    await lend(db, other)

    await send_all(db, bus)

    assert [e.envelope.aggregate_id for e in await bus.since(SHELF, 60_000)][-1] == other
    async with db.read() as session:
        rows = (await session.execute(select(tables.OUTBOX).order_by(tables.OUTBOX.c.id))).all()
    assert [(row.attempts, row.sent_at is None) for row in rows] == [
        (1, True),
        (1, True),
        (0, False),
    ]


async def test_one_relay_works_and_another_takes_over(db: Database, bus: Bus, book: UUID) -> None:
    async def all_sent() -> bool:
        return await unsent(db) == 0

    first = asyncio.create_task(relay(db.engine, bus, name=SHELF, topics=[SHELF]))
    second = asyncio.create_task(relay(db.engine, bus, name=SHELF, topics=[SHELF]))
    await lend(db, book, times=5)
    await until(all_sent)
    first.cancel()
    await asyncio.wait([first])
    await lend(db, book, times=5)
    await until(all_sent)
    second.cancel()
    await asyncio.wait([second])

    assert [e.envelope.aggregate_seq for e in await bus.since(SHELF, 60_000)] == list(range(1, 11))


async def test_a_new_event_overtakes_a_backlog_but_not_its_own_past(
    db: Database, bus: Bus, book: UUID
) -> None:
    async with db.begin() as session:
        await session.execute(
            text(
                "INSERT INTO outbox (topic, type, version, aggregate_id, aggregate_seq, data)"
                " SELECT 'shelf', 'shelf.book_lent', 1, gen_random_uuid(), 1, '{}'"
                " FROM generate_series(1, 2000)"
            )
        )
    await lend(db, book, times=2)

    async with leadership(db.engine, "test") as connection:
        assert await send_batch(connection, bus) == BATCH

    sent = [
        e.envelope.aggregate_seq
        for e in await bus.since(SHELF, 60_000)
        if e.envelope.aggregate_id == book
    ]
    assert sent == [1]  # its second event waits for the next round, behind the first
    assert await unsent(db) == 2002 - BATCH - 99


async def test_a_poison_event_is_a_dead_letter_and_the_others_flow(
    db: Database, bus: Bus, book: UUID
) -> None:
    other = (await db.transact(shelf.add_book)).id
    await lend(db, book, times=3)
    await lend(db, other, times=2)
    await send_all(db, bus)
    poison = {2}
    inbox = shelf.make_inbox(poison)

    async with consuming(inbox, db, bus):
        await until(partial(_acknowledged, bus, 5))
    assert await heard(db) == [(book, 1), (other, 1)]

    for _ in range(MAX_ATTEMPTS):
        await _make_due(db)
        await inbox.retry(db)
    await _make_due(db)
    await inbox.retry(db)
    assert await heard(db) == [(book, 1), (other, 1), (book, 3)]
    async with db.read() as session:
        dead = (await session.execute(select(tables.INBOX_DEFERRED))).all()
    assert sorted((row.aggregate_id, row.attempts) for row in dead) == sorted(
        [(book, MAX_ATTEMPTS), (other, MAX_ATTEMPTS)]
    )
    assert {row.error for row in dead} == {"RuntimeError: this one is poisonous"}


async def _make_due(db: Database) -> None:
    async with db.begin() as session:
        await session.execute(update(tables.INBOX_DEFERRED).values(retry_at=text("now()")))


async def test_an_event_of_an_unknown_version_is_kept_until_the_code_catches_up(
    db: Database, bus: Bus, book: UUID
) -> None:
    async def lend_anew(session: AsyncSession) -> None:
        row = await session.get_one(shelf.Book, book)
        outbox.publish(session, shelf.BookLentV2(book_id=book), of=row)

    await db.transact(lend_anew)
    await lend(db, book)
    await send_all(db, bus)

    async with consuming(shelf.make_inbox(), db, bus):
        await until(partial(_acknowledged, bus, 2))

    assert await heard(db) == [(book, 2)]
    async with db.read() as session:
        [row] = (await session.execute(select(tables.INBOX_DEFERRED))).all()
    assert row.error == "UnknownVersionError: shelf.book_lent version 2 is unknown."
    assert row.dead_at is not None


async def test_a_reader_whose_entries_were_trimmed_gets_them_again(
    db: Database, bus: Bus, book: UUID
) -> None:
    await bus.create_group(SHELF, "library")
    await lend(db, book, times=5)
    await send_all(db, bus)
    await bus.valkey.xtrim(topic_stream(SHELF), maxlen=1, approximate=False)

    async def complete() -> bool:
        return len(await heard(db)) == 5

    async with (
        consuming(shelf.make_inbox(), db, bus),
        background(partial(relay, db.engine, bus, name=SHELF, topics=[SHELF])),
    ):
        await until(complete)

    assert sorted(await heard(db)) == [(book, seq) for seq in range(1, 6)]


async def test_what_a_dead_consumer_had_read_is_handled_by_the_next(
    db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book, times=3)
    await send_all(db, bus)
    await bus.create_group(SHELF, "library")
    assert len(await bus.fresh([SHELF], "library")) == 3  # and then it died

    async with consuming(shelf.make_inbox(), db, bus):
        await until(partial(_acknowledged, bus, 3))

    assert await heard(db) == [(book, 1), (book, 2), (book, 3)]
