"""Keyset pages: stable under inserts, as fast on page 1,000 as on page 1, and never without end."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    SmallInteger,
    TableValuedAlias,
    Uuid,
    and_,
    column,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from subgraphs.kernel.errors import InvalidCursorError, InvalidPageError

T = TypeVar("T")
DEFAULT_SIZE = 20
MAX_SIZE = 100
MAX_EXPONENT = 1_000
"""Of a decimal key; far above any price, far below what Postgres refuses."""


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key: a column (never null) or expression, and its direction."""

    by: ColumnElement[Any] | InstrumentedAttribute[Any]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that each of many parents has."""

    query: Select[Any]
    """What is in any of these lists; it selects one entity."""
    of: Callable[[ColumnElement[UUID]], ColumnElement[bool]]
    """Whether a row is in the list of the parent with this id."""
    order: Sequence[Order]
    """Ends with a unique column."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A Relay page: `first` after a cursor, or `last` before one."""

    size: int
    cursor: str | None
    backward: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in the list's order, each with its cursor."""

    rows: list[T]
    cursors: list[str]
    has_next: bool
    has_previous: bool


def page_request(
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> PageRequest:
    """Check Relay's arguments: one direction, 1 to 100 rows (20 unless told).

    Raises:
        InvalidPageError: They contradict each other, or ask for too much.
    """
    backward = last is not None or before is not None
    if backward and (first is not None or after is not None):
        raise InvalidPageError("Page either forward (first, after) or backward (last, before).")
    size = (last if backward else first) or (DEFAULT_SIZE if first is last is None else 0)
    if not 1 <= size <= MAX_SIZE:
        raise InvalidPageError(f"A page has 1 to {MAX_SIZE} items.")
    return PageRequest(size, before if backward else after, backward)


async def fetch_page(
    session: AsyncSession, query: Select[Any], order: Sequence[Order], request: PageRequest
) -> Page[Any]:
    """Fetch one page of `query`, which selects one entity; end `order` with a unique column.

    Raises:
        InvalidCursorError: The cursor is not one of this list.
    """
    keyed = query.add_columns(*(key.by for key in order))
    found = (await session.execute(_one_page(keyed, order, request))).all()
    return _page(found, len(order), request)


async def fetch_pages(
    session: AsyncSession, listing: Listing, parents: Sequence[UUID], request: PageRequest
) -> list[Page[Any]]:
    """Fetch the same page of the lists of all `parents` in one SELECT, in the order of `parents`.

    A cursor is a place in the order, whosever list it comes from.

    Raises:
        InvalidCursorError: The cursor is not one of such a list.
    """
    query, order = listing.query, listing.order
    if len(parents) == 1:
        own = query.where(listing.of(literal(parents[0], Uuid())))
        return [await fetch_page(session, own, order, request)]
    # The keys are picked for each parent; the rows are then joined to them by the unique one.
    parent = _each(parents)
    keys = [key.by.label(f"key_{position}") for position, key in enumerate(order)]
    own = query.with_only_columns(*keys, maintain_column_froms=True).where(listing.of(parent.c.id))
    page = _one_page(own, order, request).correlate(parent).lateral("page")
    picked = select(parent.c.place, page).select_from(parent.join(page, true())).subquery()
    place, *picked_keys = picked.c
    rows = (
        query.join(picked, picked_keys[-1] == order[-1].by)
        .add_columns(place, *picked_keys)
        .order_by(place, *_directions(order, picked_keys, request))
    )
    found: list[list[Any]] = [[] for _ in parents]
    for row in await session.execute(rows):
        found[row.place - 1].append(row)
    return [_page(rows, len(order), request) for rows in found]


async def count(session: AsyncSession, query: Select[Any]) -> int:
    """Count the rows of `query`."""
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    return await session.scalar(counted) or 0


async def counts(session: AsyncSession, listing: Listing, parents: Sequence[UUID]) -> list[int]:
    """Count the list of each parent in one SELECT, in the order of `parents`."""
    parent = _each(parents)
    total = func.count().label("total")
    own = listing.query.with_only_columns(total, maintain_column_froms=True)
    counted = own.where(listing.of(parent.c.id)).correlate(parent).lateral("counted")
    query = select(counted.c.total).select_from(parent.join(counted, true()))
    return list(await session.scalars(query.order_by(parent.c.place)))


def _each(parents: Sequence[UUID]) -> TableValuedAlias:
    """A table of the parents' ids and their places, from 1."""
    ids = func.unnest(literal(list(parents), ARRAY(Uuid)))
    table = ids.table_valued(column("id", Uuid), with_ordinality="place", name="parent")
    return table.render_derived()


def _one_page(query: Select[Any], order: Sequence[Order], request: PageRequest) -> Select[Any]:
    """Rows beyond the cursor, the nearest first, and one too many to tell whether more follow."""
    if request.cursor is not None:
        query = query.where(_beyond(order, _decode(request.cursor, order), request.backward))
    nearest = _directions(order, [key.by for key in order], request)
    return query.order_by(*nearest).limit(request.size + 1)


def _directions(
    order: Sequence[Order], keys: Sequence[Any], request: PageRequest
) -> list[ColumnElement[Any]]:
    return [
        column.desc() if key.descending != request.backward else column.asc()
        for key, column in zip(order, keys, strict=True)
    ]


def _page(found: Sequence[Row[Any]], keys: int, request: PageRequest) -> Page[Any]:
    """Make a page of rows that begin with the entity and end with its keys, nearest first."""
    more, found = len(found) > request.size, found[: request.size]
    if request.backward:
        found = found[::-1]
    beyond = request.cursor is not None
    return Page(
        rows=[row[0] for row in found],
        cursors=[_encode(row[-keys:]) for row in found],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
    )


def _beyond(order: Sequence[Order], values: Sequence[Any], backward: bool) -> ColumnElement[bool]:  # noqa: FBT001
    """Rows behind `values` in the order: (a, b) > (x, y), spelt out for mixed directions."""
    alternatives = []
    for position, key in enumerate(order):
        same = [
            other.by == _bound(other, value)
            for other, value in zip(order[:position], values, strict=False)
        ]
        value = _bound(key, values[position])
        further = key.by < value if key.descending != backward else key.by > value
        alternatives.append(and_(*same, further))
    # The first key alone bounds the scan, so that Postgres can use an index on it.
    leading, value = order[0], _bound(order[0], values[0])
    bound = leading.by <= value if leading.descending != backward else leading.by >= value
    return and_(bound, or_(*alternatives))


def _bound(key: Order, value: Any) -> ColumnElement[Any]:
    return literal(value, key.by.type)


def _encode(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(values), default=str)).decode().rstrip("=")


def _decode(cursor: str, order: Sequence[Order]) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(order):
            raise InvalidCursorError
        return [_parse(key, value) for key, value in zip(order, values, strict=True)]
    except (binascii.Error, ArithmeticError, ValueError) as error:
        raise InvalidCursorError from error


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise InvalidCursorError
    return moment.astimezone(UTC)


def _decimal(value: str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > MAX_EXPONENT:
        raise InvalidCursorError
    return number


_PARSERS: dict[type, Callable[[str], Any]] = {
    UUID: UUID,
    Decimal: _decimal,
    date: date.fromisoformat,
    datetime: _moment,
}


def _parse(key: Order, value: Any) -> Any:
    """Accept only what Postgres takes as a value of this key."""
    expected = key.by.type.python_type
    if expected in _PARSERS and isinstance(value, str):
        return _PARSERS[expected](value)
    if expected is float and isinstance(value, int | float):
        return float(value)
    if not isinstance(value, expected) or isinstance(value, bool) != (expected is bool):
        raise InvalidCursorError
    if isinstance(value, str) and "\0" in value:
        raise InvalidCursorError
    if isinstance(value, int) and max(value, ~value).bit_length() >= _bits(key.by.type):
        raise InvalidCursorError
    return value


def _bits(type_: TypeEngine[Any]) -> int:
    """The size of an integer, its sign included."""
    if isinstance(type_, BigInteger):
        return 64
    return 16 if isinstance(type_, SmallInteger) else 32
