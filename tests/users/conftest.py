"""A users database at head, an empty Valkey, and people at the door of the schema."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis import Redis
from sqlalchemy import event

from infra.stack import Stack
from subgraphs.kernel import migrate
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database, open_database
from subgraphs.users.gateways.attempts import Attempts
from subgraphs.users.gateways.crypto import Vault
from subgraphs.users.gateways.passwords import Passwords
from subgraphs.users.service.keys import KeyRing
from subgraphs.users.service.services import Services
from tests.users.people import ISSUER, SECRET, Person

NAME = "users_tests"
TABLES = (
    "users, sessions, spent_tokens, organizations, memberships, invitations, api_clients, "
    "signing_keys, audit_heads, audit_entries, audit_seals, "
    "outbox, inbox, inbox_deferred, bus_state"
)


@pytest.fixture(scope="session")
def admin_dsn(stores: Stack) -> str:
    """The superuser in the tests' own database, as asyncpg reads it."""
    path, _, query = stores.admin_url.partition("?")
    return f"{path.rpartition('/')[0]}/{NAME}?{query}"


@pytest.fixture(scope="session")
def url(stores: Stack) -> str:
    """The subgraph's own role there, with no more rights than it has in earnest."""
    return urlsplit(stores.database_url("users"))._replace(path=f"/{NAME}").geturl()


@pytest.fixture
async def empty(stores: Stack, admin_dsn: str, url: str) -> None:
    """Bring the database to head once, and empty it before every test."""
    async with _connected(stores.admin_url) as server:
        if not await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", NAME):
            await server.execute(f"CREATE DATABASE {NAME} OWNER users")
            await migrate.upgrade("users", url)
    async with _connected(admin_dsn) as admin:
        # As a replica no trigger fires: the one that keeps the audit log from being emptied.
        await admin.execute(f"SET session_replication_role = replica; TRUNCATE {TABLES}")


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)  # type: ignore[no-untyped-call]
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def db(empty: None, url: str) -> AsyncIterator[Database]:  # noqa: ARG001, empties it
    async with open_database(url, name="users", pool_size=8) as database:
        yield database


@pytest.fixture
async def bus(valkey: str) -> AsyncIterator[Bus]:
    with Redis.from_url(valkey) as client:
        client.flushall()
    async with Bus.open(valkey) as opened:
        yield opened


@pytest.fixture
async def services(bus: Bus, valkey: str) -> AsyncIterator[Services]:  # noqa: ARG001, empties it
    vault = Vault(SECRET)
    attempts = Attempts(valkey)
    # A cheap hash, but for the tests that are about its cost.
    yield Services(Passwords(2, memory=64), attempts, vault, KeyRing(vault), ISSUER)
    await attempts.close()


@pytest.fixture
def visitor(db: Database, bus: Bus, services: Services) -> Person:
    """Someone who is not logged in."""
    return Person(db, bus, services)


@pytest.fixture
async def ada(visitor: Person) -> Person:
    return await visitor.register("Ada")


@pytest.fixture
async def operator(visitor: Person) -> Person:
    return await visitor.register_operator("Olga")


@pytest.fixture
def statements(db: Database) -> Iterator[list[str]]:
    """The SQL that runs, statement by statement."""
    seen: list[str] = []

    def note(*call: Any) -> None:
        seen.append(str(call[2]))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
def environment(
    url: str, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    """Set what the processes of users read from the environment; return it."""

    def make(port: int = 0) -> dict[str, str]:
        variables = {
            "USERS_DATABASE_URL": url,
            "USERS_KEY_SECRET": SECRET,
            "POLYNODE_VALKEY_URL": valkey,
            "POLYNODE_GATEWAY_KEY": "the gateway's key",
            "POLYNODE_JWKS_URL": f"http://127.0.0.1:{port}/users/.well-known/jwks.json",
            "POLYNODE_PUBLIC_URL": ISSUER,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return variables

    return make
