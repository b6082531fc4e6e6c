"""SELECTs for the hot paths: compiled once, fetched straight from the driver.

A session builds, hashes and unpacks a statement each time, which costs ten times what Postgres and
the driver need for it. Where a page is made of such reads, they are written once, with
`bindparam`s, and give plain tuples:

    TITLES = Prepared(
        select(Book.id, Book.title).where(Book.id == any_(bindparam("ids", type_=IDS)))
    )
    rows = await TITLES.rows(db, ids=ids)

Every value that differs from call to call is a parameter; a list is one array, `= ANY(:ids)`, not
`IN`, whose text would change with its length.
"""

from collections import namedtuple
from functools import cached_property
from typing import Any

from sqlalchemy import ARRAY, Select, Uuid
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.util import greenlet_spawn

from subgraphs.kernel.db import Database

IDS = ARRAY(Uuid())
"""The type of a parameter that holds several ids."""

_dialect: Any = asyncpg.dialect()  # type: ignore[no-untyped-call]


class Prepared:
    """One SELECT; its rows are named tuples of its columns."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement

    @cached_property
    def _compiled(self) -> Any:
        compiled: Any = self._statement.compile(dialect=_dialect)
        if compiled.post_compile_params:
            raise ValueError("Use = ANY(:values) instead of IN: its text must not change.")
        return compiled

    @cached_property
    def sql(self) -> str:
        return str(self._compiled)

    @cached_property
    def _arguments(self) -> list[tuple[str, Any, Any]]:
        """Name, constant value and converter of each parameter, in the order of the statement."""
        constants = {name: bind.value for name, bind in self._compiled.binds.items()}
        converters = self._compiled._bind_processors
        return [
            (name, constants.get(name), converters.get(name)) for name in self._compiled.positiontup
        ]

    @cached_property
    def _row(self) -> Any:
        names = [entry.keyname for entry in self._compiled._result_columns]
        return namedtuple("Row", names, rename=True)

    @cached_property
    def _converters(self) -> list[tuple[int, Any]]:
        """Position and converter of the columns whose value the driver does not give as it is."""
        types = [entry.type for entry in self._compiled._result_columns]
        found = [type_.result_processor(_dialect, None) for type_ in types]
        return [(position, convert) for position, convert in enumerate(found) if convert]

    async def rows(self, db: Database, **parameters: Any) -> list[Any]:
        """Fetch all rows, as a snapshot of its own."""
        arguments = []
        for name, constant, convert in self._arguments:
            value = parameters.get(name, constant)
            arguments.append(convert(value) if convert else value)
        db.told(self.sql)
        connection = await greenlet_spawn(db.engine.sync_engine.pool.connect)
        try:
            driver: Any = connection.driver_connection
            records = await driver.fetch(self.sql, *arguments)
        finally:
            await greenlet_spawn(connection.close)
        make, converters = self._row._make, self._converters
        if not converters:
            return [make(record) for record in records]
        rows = []
        for record in records:
            values = list(record)
            for position, convert in converters:
                values[position] = convert(values[position])
            rows.append(make(values))
        return rows
