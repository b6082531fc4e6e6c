"""Lists of many parents in one SELECT: each parent gets what it would get alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, Select, Uuid, delete, insert, literal, null, select
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    query_expression,
    with_expression,
)

from subgraphs.kernel import db as kernel_db
from subgraphs.kernel.db import Database
from subgraphs.kernel.errors import InvalidCursorError
from subgraphs.kernel.graphql import Connection, Nested
from subgraphs.kernel.pages import (
    Listing,
    Order,
    PageRequest,
    count,
    counts,
    fetch_page,
    fetch_pages,
)


class Record(kernel_db.Identified, DeclarativeBase):
    metadata = kernel_db.new_metadata()
    type_annotation_map = kernel_db.TYPE_MAP


class Note(Record):
    __tablename__ = "notes"
    writer_id: Mapped[UUID]
    reader_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    number: Mapped[int]
    replies_to: Mapped[UUID | None]
    original: Mapped[int | None] = query_expression()


PEOPLE = [uuid4() for _ in range(4)]
Of = Callable[[ColumnElement[UUID]], ColumnElement[bool]]


def written(person: ColumnElement[UUID]) -> ColumnElement[bool]:
    return Note.writer_id == person


def read(person: ColumnElement[UUID]) -> ColumnElement[bool]:
    return Note.reader_ids.contains(array([person]))


def listing(of: Of, *, descending: bool) -> Listing:
    """Notes, each with the number of the one it replies to."""
    earlier = Note.__table__.alias("earlier")
    query = select(Note).outerjoin(earlier, earlier.c.id == Note.replies_to)
    query = query.options(with_expression(Note.original, earlier.c.number))
    order = [Order(Note.number, descending=descending), Order(Note.id)]
    return Listing(query.where(Note.number >= 0), of, order)


def of_one(lists: Listing, parent: UUID) -> Select[Any]:
    return lists.query.where(lists.of(literal(parent, Uuid())))


@pytest.fixture
async def session(db: Database) -> AsyncIterator[AsyncSession]:
    async with db.engine.begin() as connection:
        await connection.run_sync(Record.metadata.tables["notes"].create, checkfirst=True)
    async with db.read() as opened:
        await opened.execute(delete(Note))
        yield opened


async def write(session: AsyncSession, notes: list[dict[str, Any]]) -> list[UUID]:
    ids = [uuid4() for _ in notes]
    last = [null(), *ids]
    rows = [
        {"id": id, "reader_ids": [], "number": 0, "replies_to": earlier, **note}
        for id, earlier, note in zip(ids, last, notes, strict=False)
    ]
    if rows:
        await session.execute(insert(Note).values(rows))
    return ids


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    notes=st.lists(
        st.fixed_dictionaries(
            {
                "writer_id": st.sampled_from(PEOPLE),
                "reader_ids": st.lists(st.sampled_from(PEOPLE), unique=True),
                "number": st.integers(-1, 2),
            }
        ),
        max_size=16,
    ),
    parents=st.lists(st.sampled_from([*PEOPLE, uuid4()]), min_size=1, unique=True),
    lists=st.builds(listing, st.sampled_from([written, read]), descending=st.booleans()),
    first=st.builds(PageRequest, st.integers(1, 4), st.none(), st.booleans()),
)
async def test_each_parent_gets_the_page_it_would_get_alone(
    session: AsyncSession,
    notes: list[dict[str, Any]],
    parents: list[UUID],
    lists: Listing,
    first: PageRequest,
) -> None:
    await session.execute(delete(Note))
    session.expunge_all()
    await write(session, notes)

    async def same(request: PageRequest) -> list[str]:
        together = await fetch_pages(session, lists, parents, request)
        alone = [
            await fetch_page(session, of_one(lists, parent), lists.order, request)
            for parent in parents
        ]
        assert together == alone
        return [cursor for page in together for cursor in page.cursors]

    for cursor in await same(first):
        await same(replace(first, cursor=cursor))
    assert await counts(session, lists, parents) == [
        await count(session, of_one(lists, parent)) for parent in parents
    ]


async def test_what_is_joined_to_a_row_comes_with_it(session: AsyncSession) -> None:
    await write(session, [{"writer_id": person, "number": 7} for person in PEOPLE[:2]])
    lists = listing(written, descending=False)
    pages = await fetch_pages(session, lists, PEOPLE[:2], PageRequest(1, None, backward=False))
    assert [[row.original for row in page.rows] for page in pages] == [[None], [7]]


async def test_parents_with_the_same_arguments_share_a_select(
    session: AsyncSession, db: Database, statements: list[str]
) -> None:
    notes = [{"writer_id": person, "number": number} for person in PEOPLE for number in range(3)]
    await write(session, notes)
    nested = Nested(db, lambda *, descending: listing(written, descending=descending))

    async def numbers(person: UUID, size: int, *, descending: bool) -> Connection[int]:
        request = PageRequest(size, None, backward=False)
        return await nested.connection(
            person, lambda row: int(row.number), request, descending=descending
        )

    statements.clear()
    asked = [
        (person, size, descending)
        for person in PEOPLE
        for size, descending in ((2, False), (2, True), (1, False))
    ]
    found = await asyncio.gather(*(numbers(it[0], it[1], descending=it[2]) for it in asked))
    nodes = [[edge.node for edge in it.edges] for it in found]
    assert nodes == [[0, 1], [2, 1], [0]] * len(PEOPLE)
    assert len(statements) == 3

    statements.clear()
    assert await asyncio.gather(*(it.count() for it in found)) == [3] * len(found)
    assert len(statements) == 2  # the order's direction is an argument of the list, the size not


async def test_a_bad_cursor_spoils_only_the_lists_that_use_it(
    session: AsyncSession, db: Database
) -> None:
    await write(session, [{"writer_id": person} for person in PEOPLE])
    nested = Nested(db, lambda: listing(written, descending=False))

    async def notes(person: UUID, cursor: str | None) -> object:
        request = PageRequest(1, cursor, backward=False)
        return len((await nested.connection(person, lambda row: row, request)).edges)

    found = await asyncio.gather(
        notes(PEOPLE[0], None),
        notes(PEOPLE[1], "x"),
        notes(PEOPLE[2], None),
        return_exceptions=True,
    )
    assert [it if isinstance(it, int) else type(it) for it in found] == [1, InvalidCursorError, 1]
