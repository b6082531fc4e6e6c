"""Pages: every row once and in order, however rows tie and orders mix."""

import base64
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cmp_to_key
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped

from subgraphs.kernel import db as kernel_db
from subgraphs.kernel import graphql, pages
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.errors import InvalidCursorError, InvalidPageError
from subgraphs.kernel.pages import Order, Page, PageRequest, fetch_page, page_request
from tests.kernel import shelf


class Record(kernel_db.Identified, DeclarativeBase):
    metadata = kernel_db.new_metadata()
    type_annotation_map = kernel_db.TYPE_MAP


class Sample(Record):
    """One column of every type that a list may be sorted by."""

    __tablename__ = "samples"
    word: Mapped[str]
    number: Mapped[int]
    flag: Mapped[bool]
    share: Mapped[float]
    price: Mapped[Decimal]
    day: Mapped[date]
    moment: Mapped[datetime]


KEYS = ("word", "number", "flag", "share", "price", "day", "moment")
BIRTH = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "word": st.sampled_from(["", "a", "B", "ä", "'; --", "😀"]),
            "number": st.sampled_from([-(2**31), -1, 0, 7, 2**31 - 1]),
            "flag": st.booleans(),
            "share": st.sampled_from([-1.5, 0.0, 0.1, 1e300]),
            "price": st.sampled_from([Decimal(-1), Decimal("0.10"), Decimal("0.30")]),
            "day": st.sampled_from([date(1, 1, 1), date(2026, 5, 4)]),
            "moment": st.sampled_from([BIRTH, BIRTH + timedelta(microseconds=1)]),
        }
    ),
    max_size=12,
)
orders = st.lists(
    st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=3, unique_by=lambda key: key[0]
)


@pytest.fixture
async def session(db: Database) -> AsyncIterator[AsyncSession]:
    async with db.engine.begin() as connection:
        await connection.run_sync(Record.metadata.tables["samples"].create, checkfirst=True)
    async with db.read() as opened:
        yield opened


async def turn(session: AsyncSession, order: Sequence[Order], request: PageRequest) -> Page[Any]:
    return await fetch_page(session, select(Sample), order, request)


async def walk(
    session: AsyncSession, order: Sequence[Order], size: int, *, backward: bool
) -> list[UUID]:
    """Visit the whole list, page by page; the result is in the list's order."""
    seen: list[UUID] = []
    cursor, more = None, True
    while more:
        page = await turn(session, order, PageRequest(size, cursor, backward))
        ids = [row.id for row in page.rows]
        assert len(page.cursors) == len(ids) <= size
        before, after = page.has_previous, page.has_next
        if cursor is not None:
            assert before if not backward else after
        seen = ids + seen if backward else seen + ids
        more = before if backward else after
        if more:
            cursor = page.cursors[0 if backward else -1]
    return seen


def sort(found: list[Any], keys: list[tuple[str, bool]]) -> list[UUID]:
    """Sort as Postgres does with the collation C, which is what the tests' database has."""

    def compare(one: Any, other: Any) -> int:
        for name, descending in [*keys, ("id", False)]:
            a, b = getattr(one, name), getattr(other, name)
            a, b = (a.encode(), b.encode()) if isinstance(a, str) else (a, b)
            if a != b:
                return -1 if (a < b) != descending else 1
        return 0

    return [row.id for row in sorted(found, key=cmp_to_key(compare))]


def collated(name: str) -> Any:
    column = getattr(Sample, name)
    return column.collate("C") if name == "word" else column


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=rows, keys=orders, size=st.integers(1, 7))
async def test_both_ways_visit_every_row_once_and_in_order(
    session: AsyncSession, values: list[dict[str, Any]], keys: list[tuple[str, bool]], size: int
) -> None:
    await session.execute(delete(Sample))
    if values:
        await session.execute(insert(Sample).values([{"id": uuid4(), **row} for row in values]))
    order = [Order(collated(name), descending=descending) for name, descending in keys]
    order.append(Order(Sample.id))
    session.expire_all()
    expected = sort(list(await session.scalars(select(Sample))), keys)

    assert await walk(session, order, size, backward=False) == expected
    assert await walk(session, order, size, backward=True) == expected


def encoded(*values: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


MALFORMED: dict[str, list[Any]] = {
    "word": [1, None, True, ["a"], "a\0b"],
    "number": ["7", 7.5, True, None, 2**31, -(2**31) - 1, 2**63],
    "flag": ["true", 1, None],
    "share": ["0.1", None],
    "price": [0.1, "much", None, "1e999999999", "NaN", "sNaN"],
    "day": ["2026-13-01", "yesterday", 20_260_504, None],
    "moment": ["2026-05-04T03:02:01", "now", 0, None, "0001-01-01T00:00:00+14:00"],
}


@pytest.mark.parametrize("name", KEYS)
async def test_a_cursor_with_a_value_of_another_type_is_refused(name: str) -> None:
    order = [Order(getattr(Sample, name)), Order(Sample.id)]
    for value in MALFORMED[name]:
        with pytest.raises(InvalidCursorError):
            await turn(
                AsyncSession(), order, PageRequest(1, encoded(value, uuid4()), backward=False)
            )


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "\0",
        "====",
        "W10",
        "!!!!",
        encoded(),
        encoded("a"),
        encoded("a", uuid4(), "b"),
        encoded("a", "not an id"),
        encoded("a", 7),
        base64.b64encode(b'{"a": 1}').decode(),
        base64.b64encode(b"[1, 2").decode(),
        base64.b64encode(b'["\xff", 1]').decode(),
        base64.b64encode(b'["\\ud800", 1]').decode(),
        base64.b64encode(b"[" * 5_000).decode(),
        "A" * 100_000,
    ],
    ids=lambda cursor: repr(cursor)[:20],
)
async def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    order = [Order(Sample.word), Order(Sample.id)]
    with pytest.raises(InvalidCursorError):
        await turn(AsyncSession(), order, PageRequest(1, cursor, backward=False))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=40), st.binary(max_size=40).map(base64.urlsafe_b64encode)))
def test_no_text_is_a_fault(cursor: Any) -> None:
    text = cursor if isinstance(cursor, str) else cursor.decode()
    with pytest.raises(InvalidCursorError):
        pages._decode(text, [Order(Sample.word), Order(Sample.number), Order(Sample.id)])


@pytest.mark.parametrize("size", [0, 101, 10**9, -1])
def test_a_page_has_1_to_100_items(size: int) -> None:
    for arguments in ({"first": size}, {"last": size}, {"last": size, "before": "x"}):
        with pytest.raises(InvalidPageError, match=r"^A page has 1 to 100 items\.$"):
            page_request(**arguments)


def test_a_page_goes_one_way() -> None:
    for first, after in ((1, None), (None, "x")):
        for last, before in ((1, None), (None, "x")):
            with pytest.raises(InvalidPageError, match=r"^Page either forward"):
                page_request(first=first, after=after, last=last, before=before)


def test_a_page_has_twenty_items_unless_told() -> None:
    assert page_request() == PageRequest(20, None, backward=False)
    assert page_request(after="x") == PageRequest(20, "x", backward=False)
    assert page_request(before="x") == PageRequest(20, "x", backward=True)
    assert page_request(last=100) == PageRequest(100, None, backward=True)


async def test_a_list_is_counted_only_when_asked(
    db: Database, bus: Bus, statements: list[str]
) -> None:
    for _ in range(3):
        await db.transact(shelf.add_book)
    schema, context = shelf.make_schema(), graphql.Context(db, bus, shelf.Loaders.build)
    statements.clear()

    page: Any = await schema.execute("{ books(first: 2) { nodes { id } } }", context_value=context)
    assert len(page.data["books"]["nodes"]) == 2
    assert [statement.startswith("SELECT books.") for statement in statements] == [True]

    counted = await schema.execute("{ books(first: 2) { totalCount } }", context_value=context)
    assert counted.data == {"books": {"totalCount": 3}}
    assert len(statements) == 3
