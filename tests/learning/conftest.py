"""A learning database at head, an empty bus, and people at the door of the schema."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from redis import Redis
from sqlalchemy import event

from infra.stack import Stack
from subgraphs.kernel import migrate
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database, open_database
from tests.learning.people import Person
from tests.learning.school import School

NAME = "learning_tests"
TABLES = (
    "progress_events, enrollments, courses, course_versions, lessons, learners, members, "
    "outbox, inbox, inbox_deferred, bus_state"
)


@pytest.fixture(scope="session")
def admin_dsn(stores: Stack) -> str:
    """The superuser, in a database that only these tests have; as asyncpg reads it."""
    path, _, query = stores.admin_url.partition("?")
    return f"{path.rpartition('/')[0]}/{NAME}?{query}"


@pytest.fixture(scope="session")
def url(admin_dsn: str) -> str:
    """The same, as SQLAlchemy reads it."""
    return admin_dsn.replace("postgresql://", "postgresql+asyncpg://", 1)


async def _connect(dsn: str) -> Any:
    connection: Any = await asyncpg.connect(dsn)  # type: ignore[no-untyped-call]
    return connection


@pytest.fixture
async def database(stores: Stack, admin_dsn: str, url: str) -> str:
    """Bring the database to head once, and empty it before every test; return its URL."""
    server = await _connect(stores.admin_url)
    made = await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", NAME)
    if not made:
        await server.execute(f"CREATE DATABASE {NAME}")
        await migrate.upgrade("learning", url)
    await server.close()
    admin = await _connect(admin_dsn)
    # As a replica no trigger fires: the one that keeps the log from being emptied.
    await admin.execute(f"SET session_replication_role = replica; TRUNCATE {TABLES}")
    await admin.close()
    return url


@pytest.fixture
async def db(database: str) -> AsyncIterator[Database]:
    async with open_database(database, name="learning", pool_size=32) as opened:
        yield opened


@pytest.fixture
async def bus(valkey: str) -> AsyncIterator[Bus]:
    with Redis.from_url(valkey) as client:
        client.flushall()
    async with Bus.open(valkey) as opened:
        yield opened


@pytest.fixture
def school(db: Database, url: str) -> School:
    return School(db, url)


@pytest.fixture
def unchanged(school: School) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Assert that a block leaves no trace: no row, no event."""

    @asynccontextmanager
    async def check() -> AsyncIterator[None]:
        before = await school.everything()
        yield
        assert await school.everything() == before

    return check


@pytest.fixture
def arrive(db: Database, bus: Bus) -> Callable[..., Person]:
    """Let people come to the door: `arrive(roles={organization_id: "instructor"})`."""

    def make(**claims: Any) -> Person:
        return Person(db, bus, Viewer(**{"user_id": uuid4(), **claims}))

    return make


@pytest.fixture
def learner(arrive: Callable[..., Person]) -> Person:
    return arrive()


@pytest.fixture
def statements(db: Database) -> Iterator[list[str]]:
    """The SQL that runs, statement by statement."""
    seen: list[str] = []

    def note(*call: Any) -> None:
        seen.append(str(call[2]))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
