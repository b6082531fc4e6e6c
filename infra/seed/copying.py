"""COPY: rows go into a table as one stream, within the session's transaction."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Rows = Iterable[tuple[Any, ...]]


async def copy(session: AsyncSession, model: Any, columns: Sequence[str], rows: Rows) -> int:
    """Append `rows` of `columns` to the model's table; tell how many there were.

    A column that is left out takes the value that the model gives it, or else its table.
    """
    table: Table = model.__table__
    connection = await session.connection()
    defaults = {
        column.name: column.default.arg
        for column in table.columns
        if column.name not in columns and isinstance(column.default, ScalarElementColumnDefault)
    }
    names = [*columns, *defaults]
    processors = [table.c[name].type.bind_processor(connection.dialect) for name in names]
    raw: Any = (await connection.get_raw_connection()).driver_connection
    status: str = await raw.copy_records_to_table(
        table.name,
        columns=names,
        records=_processed(rows, tuple(defaults.values()), processors),
        timeout=None,
    )
    return int(status.rpartition(" ")[2])


def _processed(
    rows: Rows, constants: tuple[Any, ...], processors: Sequence[Any]
) -> Iterator[Sequence[Any]]:
    """Say values as the driver wants them, as SQLAlchemy would."""
    working = [(position, process) for position, process in enumerate(processors) if process]
    for row in rows:
        values = [*row, *constants]
        for position, process in working:
            values[position] = process(values[position])
        yield values
