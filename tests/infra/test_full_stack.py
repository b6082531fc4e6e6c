"""Everything at once: what runs, what is public, what comes back, how fast it starts and ends."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from infra.stack import Stack, state
from tests.infra.conftest import Infra, infra
from tests.support.stack import HASTE, UNMEASURED

SHARED = ("subgraphs-1", "worker", "tasks", "gateway", "edge")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own: it is killed piece by piece."""
    folder = tmp_path_factory.mktemp("full")
    with Stack(folder, processes=1, postgres=HASTE, environment=UNMEASURED) as stack:
        yield stack


def ask(stack: Stack) -> object:
    answer = httpx.post(f"{stack.url}/graphql", json={"query": "{ __typename }"})
    return answer.json()


def test_every_part_is_up_and_the_origin_answers(stack: Stack) -> None:
    health = {name: row["health"] for name, row in stack.status().items()}

    assert health == {
        "postgres": "ok",
        "valkey": "ok",
        "migrate": "done",
        **dict.fromkeys(SHARED, "ok"),
    }
    assert ask(stack) == {"data": {"__typename": "Query"}}


def test_the_public_pages_are_there(stack: Stack) -> None:
    paths = ("/", "/graphiql/", "/schema.graphql", "/.well-known/jwks.json", "/health")
    codes = {path: httpx.get(f"{stack.url}{path}").status_code for path in paths}

    assert codes == dict.fromkeys(paths, 200)
    assert "type Query" in httpx.get(f"{stack.url}/schema.graphql").text
    assert httpx.get(f"{stack.url}/.well-known/jwks.json").json()["keys"]


def test_metrics_are_for_the_inside(stack: Stack) -> None:
    outside = httpx.get(f"{stack.url}/metrics").status_code

    assert outside == 404
    assert stack.metrics("subgraphs-1")
    assert stack.metrics("gateway")


@pytest.mark.parametrize("name", SHARED)
def test_a_part_that_is_killed_comes_back_and_the_origin_answers_again(
    stack: Stack, name: str
) -> None:
    killed = stack.kill(name)
    successor = stack.wait(name, other_than=killed)

    assert f"{name} runs again as process {successor}." in stack.log("up")
    assert ask(stack) == {"data": {"__typename": "Query"}}


def test_a_part_that_hangs_is_told_from_one_that_works(stack: Stack) -> None:
    stack.kill("worker", signal.SIGSTOP)
    hanging = stack.status()["worker"]["health"]
    stack.kill("worker", signal.SIGCONT)
    stack.wait("worker")

    assert hanging == "not ready"


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data", separate=True, environment=UNMEASURED)
    stack.up()
    names = set(stack.status())
    children = psutil.Process(state.read(stack.folder).supervisor).children(recursive=True)

    stack.down()

    assert {"users", "courses", "learning"} < names
    assert not any(process.is_running() for process in children)


def test_commands_find_the_servers_that_run(stack: Stack) -> None:
    data = ("--data", str(stack.folder.root))
    lag = infra("events", "lag", "courses", *data, prefix=[])
    migrate = infra("migrate", "--check", *data, prefix=[])

    assert (lag.code, lag.err) == (0, "")
    assert [line.split("\t")[:2] for line in lag.out.splitlines()] == [
        ["courses", "outbox"],
        ["courses", "inbox"],
    ]
    assert migrate.code == 0, migrate.err


def test_a_command_starts_the_stores_for_itself_and_stops_them(run: Infra, data: Path) -> None:
    migrated = run("migrate")
    listed = run("events", "dead")

    assert migrated.code == 0, migrated.err
    assert (listed.code, listed.out) == (0, "")
    assert run("status").err == f"polynode: Nothing is running on {data}.\n"


def test_a_rotated_key_joins_the_published_ones(stack: Stack) -> None:
    def published() -> list[str]:
        keys = httpx.get(f"{stack.url}/.well-known/jwks.json").json()["keys"]
        return [key["kid"] for key in keys]

    before = published()
    rotated = infra("rotate-keys", "--data", str(stack.folder.root), prefix=[])

    assert rotated.code == 0, rotated.err
    assert set(before) <= set(published())
    assert rotated.out.split()[0] in published()
