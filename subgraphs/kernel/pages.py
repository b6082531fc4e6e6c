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
    Select,
    SmallInteger,
    and_,
    func,
    literal,
    or_,
    select,
)
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
    keys = [key.by for key in order]
    if request.cursor is not None:
        query = query.where(_beyond(order, _decode(request.cursor, order), request.backward))
    ordered = query.add_columns(*keys).order_by(
        *(key.by.desc() if key.descending != request.backward else key.by.asc() for key in order)
    )
    found = (await session.execute(ordered.limit(request.size + 1))).all()
    more, found = len(found) > request.size, found[: request.size]
    if request.backward:
        found = found[::-1]
    beyond = request.cursor is not None
    return Page(
        rows=[row[0] for row in found],
        cursors=[_encode(row[-len(keys) :]) for row in found],
        has_next=beyond if request.backward else more,
        has_previous=more if request.backward else beyond,
    )


async def count(session: AsyncSession, query: Select[Any]) -> int:
    """Count the rows of `query`."""
    counted = select(func.count()).select_from(query.order_by(None).subquery())
    return await session.scalar(counted) or 0


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
