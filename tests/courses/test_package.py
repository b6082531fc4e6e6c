"""What courses promises to those who build on it: its schema, its tables, its processes."""

from pathlib import Path

import httpx
import pytest

from infra.stack import Stack
from subgraphs.courses.app import create_app
from subgraphs.courses.consumers import inbox
from subgraphs.courses.schema import schema
from subgraphs.courses.worker import create_worker
from subgraphs.kernel import migrate
from subgraphs.kernel.db import Database
from subgraphs.kernel.graphql.descriptions import undescribed

SDL = Path("subgraphs/courses/schema.graphql")


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert SDL.read_text() == schema.as_str() + "\n"


def test_nothing_public_is_without_a_description() -> None:
    ours = [name for name in undescribed(schema._schema) if not name.startswith("link__")]
    assert set(ours) <= {"UUID", "FieldSet"}


async def test_the_migrations_make_the_tables_that_the_models_describe(
    db: Database, url: str
) -> None:
    assert db.engine.url.database is not None
    await migrate.check("courses", url)


@pytest.fixture
def environment(stores: Stack, db: Database, url: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    for name, value in stores.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COURSES_DATABASE_URL", url)
    return db


@pytest.mark.usefixtures("environment")
async def test_the_server_is_ready_and_lets_only_gateways_in() -> None:
    app = create_app()
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://courses") as client,
    ):
        ready = await client.get("/ready")
        refused = await client.post("/graphql", json={"query": "{ viewer { id } }"})

    assert ready.json() == {"database": "ok", "bus": "ok"}
    assert refused.status_code == 401


@pytest.mark.usefixtures("environment")
async def test_the_worker_publishes_courses_and_hears_learning_and_users() -> None:
    worker = create_worker()

    assert worker.topics == ("courses",)
    assert worker.inbox is inbox
    assert inbox.topics == {"learning", "users"}
