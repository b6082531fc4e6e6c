"""The server and the worker as they run: settings, migrations, readiness."""

import httpx
import pytest

from infra.stack import Stack
from subgraphs.kernel import migrate
from subgraphs.learning.app import create_app
from subgraphs.learning.consumers import inbox
from subgraphs.learning.worker import create_worker


@pytest.fixture
def environment(stores: Stack, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stores.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEARNING_DATABASE_URL", database)


async def test_the_models_say_what_the_migrations_made(database: str) -> None:
    await migrate.check("learning", database)


@pytest.mark.usefixtures("environment")
async def test_the_server_is_ready_and_lets_only_gateways_in() -> None:
    app = create_app()
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://learning") as client,
    ):
        ready = await client.get("/ready")
        refused = await client.post("/graphql", json={"query": "{ viewer { id } }"})

    assert ready.json() == {"database": "ok", "bus": "ok"}
    assert refused.status_code == 401


@pytest.mark.usefixtures("environment")
def test_the_worker_publishes_learning_and_hears_courses_and_users() -> None:
    worker = create_worker()

    assert worker.topics == ("learning",)
    assert worker.inbox is inbox
    assert inbox.topics == {"courses", "users"}
