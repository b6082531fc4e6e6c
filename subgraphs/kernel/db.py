"""Postgres: one database a subgraph, reached through one engine a process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import orjson
from prometheus_client import Counter
from sqlalchemy import DateTime, Enum, MetaData, Uuid, event, func
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from subgraphs.kernel import tables

P = ParamSpec("P")
T = TypeVar("T")

POOL_TIMEOUT = 0.8
"""Seconds to wait for a connection; past that the request is shed, within a second in all."""

CONFLICTS = {"40001", "40P01"}
"""SQLSTATEs of a serialization failure and of a deadlock: the loser may simply try again."""

MAX_TRIES = 4
STATEMENTS = Counter("polynode_sql_statements", "SQL statements executed.", ["database"])

TYPE_MAP: dict[Any, Any] = {
    UUID: Uuid(),
    datetime: DateTime(timezone=True),
    StrEnum: Enum(StrEnum, native_enum=False, create_constraint=False, length=40),
}


def new_id() -> UUID:
    """Make an id that sorts by age."""
    return uuid7()


def new_metadata() -> MetaData:
    """Make a subgraph's own metadata; two hosted in one process may share a table name.

    Constraint names are stable, so that migrations can find them.
    """
    metadata = MetaData(
        naming_convention={
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        }
    )
    tables.attach(metadata)
    return metadata


class Identified:
    """Columns of every row: an id that sorts by age, and that age."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-2)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=99)


class Aggregate:
    """Columns of a row whose changes are published: `version` numbers its events."""

    version: Mapped[int] = mapped_column(default=0, sort_order=98)


@dataclass(frozen=True)
class Database:
    """The two ways into a subgraph's database."""

    engine: AsyncEngine
    writer: async_sessionmaker[AsyncSession]
    reader: async_sessionmaker[AsyncSession]
    counter: Counter

    def told(self, sql: str) -> None:
        """Count a statement that goes past the engine, and tell the engine's listeners of it."""
        self.counter.inc()
        for listener in self.engine.sync_engine.dispatch.before_cursor_execute:
            listener(None, None, sql, (), None, False)  # noqa: FBT003, as the engine calls it

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that commits, events included, when the block ends well."""
        async with self.writer.begin() as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading: every SELECT is its own snapshot, in one round trip."""
        async with self.reader() as session:
            yield session

    async def transact(
        self,
        work: Callable[Concatenate[AsyncSession, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `work` in a transaction, again if it loses to another transaction."""
        for tried in range(1, MAX_TRIES + 1):
            try:
                async with self.begin() as session:
                    return await work(session, *args, **kwargs)
            except DBAPIError as error:
                if tried == MAX_TRIES or sqlstate(error) not in CONFLICTS:
                    raise
        raise AssertionError("unreachable")


def sqlstate(error: DBAPIError) -> str | None:
    """Tell the five-character code of a database error, if it came from the server."""
    return getattr(error.orig, "sqlstate", None)


@asynccontextmanager
async def open_database(url: str, *, name: str, pool_size: int = 10) -> AsyncIterator[Database]:
    """Connect lazily to the database at `url`; `name` labels it for metrics and in Postgres."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT,
        pool_use_lifo=True,
        hide_parameters=True,  # they hold password hashes and people's names
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "timeout": 5,
            "server_settings": {
                "application_name": f"polynode-{name}",
                "jit": "off",
                "statement_timeout": "10s",
                "idle_in_transaction_session_timeout": "30s",
            },
        },
    )
    counter = STATEMENTS.labels(name)
    for execution in ("do_execute", "do_executemany", "do_execute_no_params"):
        # Events of the dialect: those of the engine would make every connection join listeners.
        event.listen(engine.sync_engine, execution, lambda *_: counter.inc())
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    snapshot = engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        yield Database(
            engine,
            writer=async_sessionmaker(engine, expire_on_commit=False),
            reader=async_sessionmaker(snapshot, expire_on_commit=False, autoflush=False),
            counter=counter,
        )
    finally:
        await engine.dispose()


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Replace a connection that the server closed while it was idle; costs no round trip."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
