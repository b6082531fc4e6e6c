"""A database with the kernel's tables and the shelf's, an empty bus, and what happens on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from alembic.migration import MigrationContext
from alembic.operations import Operations
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Connection, event, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from infra.stack import Stack
from subgraphs.kernel import migrate, tables
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database, open_database
from tests.kernel import shelf
from tests.kernel.doors import NAME, make_app
from tests.kernel.servers import Issuer, issuing

TABLES = "books, readers, outbox, inbox, inbox_deferred, bus_state"


def _create(connection: Connection) -> None:
    migrate.create_kernel_tables(Operations(MigrationContext.configure(connection)))
    own = [shelf.Record.metadata.tables[name] for name in ("books", "readers")]
    shelf.Record.metadata.create_all(connection, tables=own)


def _driven(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://")


async def administer(stores: Stack, *statements: str) -> None:
    """Run statements that no transaction may hold, as the superuser."""
    engine = create_async_engine(_driven(stores.admin_url), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shelf_url(stores: Stack) -> str:
    """A database made once; every test that asks for `db` finds its tables empty."""
    path, _, query = stores.admin_url.partition("?")
    url = _driven(f"{path.rpartition('/')[0]}/{NAME}?{query}")
    await administer(stores, f"CREATE DATABASE {NAME}")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()
    return url


@pytest.fixture
async def db(shelf_url: str) -> AsyncIterator[Database]:
    async with open_database(shelf_url, name=NAME, pool_size=8) as database:
        async with database.begin() as session:
            await session.execute(text(f"TRUNCATE {TABLES}"))
        yield database


@pytest.fixture
async def bus(valkey: str) -> AsyncIterator[Bus]:
    with Redis.from_url(valkey) as client:
        client.flushall()
    async with Bus.open(valkey) as opened:
        yield opened


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as found:
        yield found


@pytest.fixture
async def at_head(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let the shelf have one migration, which its database has seen."""
    monkeypatch.setitem(migrate.__dict__["_histories"], NAME, ("0001", "0000"))
    async with db.begin() as session:
        await session.execute(text("CREATE TABLE alembic_version (version_num text)"))
        await session.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    yield
    async with db.begin() as session:
        await session.execute(text("DROP TABLE alembic_version"))


@pytest.fixture
async def app(
    db: Database,  # noqa: ARG001, empty
    bus: Bus,  # noqa: ARG001, empty
    issuer: Issuer,
    shelf_url: str,
    valkey: str,
) -> FastAPI:
    """The shelf's app, not yet started, above an empty database and an empty bus."""
    return make_app(database=shelf_url, valkey=valkey, jwks=issuer.url)


@pytest.fixture
async def door(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running app."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shelf") as client,
    ):
        yield client


@pytest.fixture
async def book(db: Database) -> UUID:
    return (await db.transact(shelf.add_book)).id


@pytest.fixture
def statements(db: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*call: object) -> None:
        seen.append(str(call[2]))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)


async def until(predicate: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Wait for what other tasks bring about in a server, which does not announce it."""
    async with asyncio.timeout(seconds):
        while not await predicate():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def lend(db: Database, book_id: UUID, times: int = 1) -> None:
    for _ in range(times):
        await db.transact(shelf.lend, book_id)


async def unsent(db: Database) -> int:
    query = select(tables.OUTBOX.c.id).where(tables.OUTBOX.c.sent_at.is_(None))
    async with db.read() as session:
        return len((await session.scalars(query)).all())


async def heard(db: Database) -> list[tuple[UUID, int]]:
    """What the consumer has noted, in the order in which it took effect."""
    query = text("SELECT book_id, seq FROM readers ORDER BY created_at, id")
    async with db.read() as session:
        return [(row.book_id, row.seq) for row in await session.execute(query)]
