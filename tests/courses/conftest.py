"""A courses database at head, an empty bus, and people at the door of the schema."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis import Redis
from sqlalchemy import event, select

from infra.stack import Stack
from subgraphs.kernel import migrate
from subgraphs.kernel.auth import ANONYMOUS, Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database, open_database
from subgraphs.kernel.tables import OUTBOX
from tests.courses.people import Person
from tests.courses.studio import Learning

NAME = "courses_tests"
TABLES = (
    "courses, modules, lessons, lesson_texts, course_versions, version_lessons, categories, "
    "entitlements, members, reviews, search_documents, search_words, "
    "outbox, inbox, inbox_deferred, bus_state"
)
Outbox = Callable[[], Awaitable[list[str]]]


@pytest.fixture(scope="session")
def admin_dsn(stores: Stack) -> str:
    """The superuser, in a database that only these tests have; as asyncpg reads it."""
    path, _, query = stores.admin_url.partition("?")
    return f"{path.rpartition('/')[0]}/{NAME}?{query}"


@pytest.fixture(scope="session")
def url(admin_dsn: str) -> str:
    """The same, as SQLAlchemy reads it."""
    return admin_dsn.replace("postgresql://", "postgresql+asyncpg://", 1)


async def _empty(stores: Stack, admin_dsn: str, url: str) -> None:
    """Bring the database to head once, and empty it before every test."""
    server = await asyncpg.connect(stores.admin_url)  # type: ignore[no-untyped-call]
    made = await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", NAME)
    if not made:
        await server.execute(f"CREATE DATABASE {NAME}")
        await migrate.upgrade("courses", url)
    await server.close()
    admin = await asyncpg.connect(admin_dsn)  # type: ignore[no-untyped-call]
    await admin.execute(f"TRUNCATE {TABLES}")
    await admin.close()


@pytest.fixture
async def db(stores: Stack, admin_dsn: str, url: str) -> AsyncIterator[Database]:
    await _empty(stores, admin_dsn, url)
    async with open_database(url, name="courses", pool_size=20) as database:
        yield database


@pytest.fixture
async def bus(valkey: str) -> AsyncIterator[Bus]:
    with Redis.from_url(valkey) as client:
        client.flushall()
    async with Bus.open(valkey) as opened:
        yield opened


@pytest.fixture
def arrive(db: Database, bus: Bus) -> Callable[..., Person]:
    """Let someone come to the door: `arrive(roles={organization_id: "instructor"})`."""

    def make(**claims: Any) -> Person:
        return Person(db, bus, Viewer(**{"user_id": uuid4(), **claims}))

    return make


@pytest.fixture
def school() -> UUID:
    """An organization."""
    return uuid4()


@pytest.fixture
def author(arrive: Callable[..., Person], school: UUID) -> Person:
    """An instructor of the school."""
    return arrive(roles={school: "instructor"})


@pytest.fixture
def learner(arrive: Callable[..., Person]) -> Person:
    return arrive()


@pytest.fixture
def anyone(db: Database, bus: Bus) -> Person:
    """Someone who is not logged in."""
    return Person(db, bus, ANONYMOUS)


@pytest.fixture
def learning(db: Database, bus: Bus) -> Learning:
    return Learning(db, bus)


@pytest.fixture
def outbox(db: Database) -> Outbox:
    """The types of the events published so far, in order."""

    async def types() -> list[str]:
        async with db.read() as session:
            return list(await session.scalars(select(OUTBOX.c.type).order_by(OUTBOX.c.id)))

    return types


@pytest.fixture
def statements(db: Database) -> Iterator[list[str]]:
    """The SQL that runs, statement by statement."""
    seen: list[str] = []

    def note(*call: Any) -> None:
        seen.append(str(call[2]))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
