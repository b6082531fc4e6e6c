"""Postgres on a bad day: conflicts, no free connection, a server that went away."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from infra.stack import Stack
from subgraphs.kernel import graphql
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import MAX_TRIES, Database, open_database
from subgraphs.kernel.tables import OUTBOX
from tests.kernel import shelf
from tests.kernel.conftest import administer

TERMINATE_WHO_WAITS = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE '%FROM books%'"""
TITLES = "{ books { nodes { title } } }"


async def lent(db: Database) -> dict[UUID, tuple[int, list[int]]]:
    """How often each book is out, and the sequence numbers of its events."""
    async with db.read() as session:
        books = (await session.scalars(select(shelf.Book))).all()
        events = (await session.execute(select(OUTBOX).order_by(OUTBOX.c.id))).all()
    return {
        book.id: (
            book.lent,
            [event.aggregate_seq for event in events if event.aggregate_id == book.id],
        )
        for book in books
    }


async def test_a_deadlock_is_tried_again_and_takes_effect_once(db: Database, book: UUID) -> None:
    other = (await db.transact(shelf.add_book)).id
    both_hold_one = asyncio.Barrier(2)
    tries = []

    async def lend_both(session: AsyncSession, first: UUID, second: UUID) -> None:
        tries.append(first)
        await shelf.lend(session, first)
        await session.flush()
        if len(tries) <= 2:
            await both_hold_one.wait()
        await shelf.lend(session, second)

    await asyncio.gather(db.transact(lend_both, book, other), db.transact(lend_both, other, book))

    assert len(tries) == 3
    assert await lent(db) == {book: (2, [1, 2]), other: (2, [1, 2])}


async def test_a_serialization_failure_is_tried_again_and_takes_effect_once(
    db: Database, book: UUID
) -> None:
    tries = []

    async def lend_what_was_seen(session: AsyncSession) -> None:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        await session.get_one(shelf.Book, book)
        tries.append(1)
        if len(tries) == 1:
            await db.transact(shelf.lend, book)
        session.expire_all()
        await shelf.lend(session, book)

    await db.transact(lend_what_was_seen)

    assert len(tries) == 2
    assert await lent(db) == {book: (2, [1, 2])}


def failing(sqlstate: str) -> tuple[list[int], Callable[[AsyncSession], Awaitable[None]]]:
    tries: list[int] = []

    async def fail(session: AsyncSession) -> None:
        tries.append(1)
        await shelf.add_book(session)
        await session.flush()
        await session.execute(
            text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$")
        )

    return tries, fail


@pytest.mark.parametrize(
    ("sqlstate", "times"), [("40001", MAX_TRIES), ("40P01", MAX_TRIES), ("23514", 1), ("57014", 1)]
)
async def test_only_conflicts_are_tried_again_and_not_for_ever(
    db: Database, sqlstate: str, times: int
) -> None:
    tries, fail = failing(sqlstate)
    with pytest.raises(DBAPIError):
        await db.transact(fail)
    assert len(tries) == times
    assert await lent(db) == {}


async def test_a_constraint_rolls_everything_back(db: Database, book: UUID) -> None:
    async def take_too_many(session: AsyncSession) -> None:
        row = await shelf.lend(session, book)
        row.lent = -1

    with pytest.raises(IntegrityError) as refused:
        await db.transact(take_too_many)

    assert "SQL parameters hidden" in str(refused.value)
    assert await lent(db) == {book: (0, [])}


async def test_when_no_connection_is_free_a_request_is_shed_in_a_second(
    shelf_url: str, db: Database, bus: Bus, book: UUID
) -> None:
    del db, book
    async with open_database(shelf_url, name="small", pool_size=2) as small:
        context = graphql.Context(small, bus, shelf.Loaders.build)
        schema = shelf.make_schema()
        async with small.engine.connect(), small.engine.connect():
            started = time.monotonic()
            shed: Any = await schema.execute(TITLES, context_value=context)
            assert 0.7 < time.monotonic() - started < 3
        served: Any = await schema.execute(TITLES, context_value=context)

    [error] = shed.errors
    assert error.extensions == {"code": "SERVICE_UNAVAILABLE"}
    assert error.message == "This part is out of service. Try again soon."
    assert served.data == {"books": {"nodes": [{"title": "Faust"}]}}


async def test_idle_connections_that_the_server_closed_are_replaced_without_an_error(
    db: Database, stores: Stack, book: UUID
) -> None:
    async def hold(barrier: asyncio.Barrier) -> int:
        async with db.read() as session:
            found: int = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await barrier.wait()
            return found

    async def open_all() -> set[int]:
        barrier = asyncio.Barrier(8)
        return set(await asyncio.gather(*(hold(barrier) for _ in range(8))))

    before = await open_all()
    terminated = ", ".join(f"pg_terminate_backend({pid}, 5000)" for pid in before)
    await administer(stores, f"SELECT {terminated}")

    after = await open_all()
    await db.transact(shelf.lend, book)

    assert (len(before), len(after)) == (8, 8)
    assert before.isdisjoint(after)
    assert await lent(db) == {book: (1, [1])}


async def test_an_outage_in_the_middle_of_a_request_is_told_as_such(
    db: Database, bus: Bus, stores: Stack
) -> None:
    schema, context = shelf.make_schema(), graphql.Context(db, bus, shelf.Loaders.build)
    async with db.begin() as session:
        await session.execute(text("LOCK TABLE books"))
        asking = asyncio.ensure_future(schema.execute(TITLES, context_value=context))
        while not asking.done():
            await administer(stores, TERMINATE_WHO_WAITS)
        result: Any = await asking
    assert [error.extensions for error in result.errors] == [{"code": "SERVICE_UNAVAILABLE"}]


async def test_reading_opens_no_transaction(db: Database) -> None:
    moment = text("SELECT now()")
    async with db.read() as session:
        assert await session.scalar(moment) != await session.scalar(moment)
        raw = await (await session.connection()).get_raw_connection()
        assert raw.driver_connection is not None
        assert raw.driver_connection.is_in_transaction() is False
    async with db.begin() as session:
        assert await session.scalar(moment) == await session.scalar(moment)
