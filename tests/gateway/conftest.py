"""The real gateway process in front of the bookshop's two subgraphs, each in its own process."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from infra.bootstrap.node import node_folder
from tests.gateway import bookshop

ROUTER = Path(__file__).parents[2] / "router"
NODE = str(node_folder() / "node")
KEY = "key-of-the-gateway"
ORIGIN = "http://polynode.test"
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A process that listens, and what it printed."""

    port: int
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]


MakeGateway = Callable[..., Server]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: list[str], port: int, output: Path, path: str, **environment: str
) -> Iterator[Server]:
    """Run `command` until the block ends; inside it, `path` answers."""
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own words.
            command, stdout=file, stderr=file, env={**os.environ, **environment}, cwd=ROUTER.parent
        )
    try:
        _wait_for(process, f"http://127.0.0.1:{port}{path}", output)
        yield Server(port, process, output)
    finally:
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    """Wait for another process to listen: nothing announces that it does."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=0)) as client:
        for _ in range(START_SECONDS * 20):
            assert process.poll() is None, output.read_text()
            try:
                client.get(url, timeout=1)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
    raise AssertionError(output.read_text())


@pytest.fixture(scope="session")
def supergraph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bookshop's supergraph."""
    folder = tmp_path_factory.mktemp("bookshop")
    subgraphs = {}
    for name, schema in bookshop.SCHEMAS.items():
        (folder / f"{name}.graphql").write_text(schema.as_str())
        subgraphs[name] = {
            "routing_url": f"http://127.0.0.1:9/{name}/graphql",
            "schema": {"file": f"{name}.graphql"},
        }
    config = folder / "supergraph.yaml"
    config.write_text(json.dumps({"subgraphs": subgraphs}))  # JSON is YAML.
    made = folder / "supergraph.graphql"
    outputs = ["--supergraph", str(made), "--api", str(folder / "schema.graphql")]
    compose = [NODE, str(ROUTER / "compose.ts"), "--config", str(config), *outputs]
    subprocess.run(compose, check=True)  # noqa: S603 - our own words.
    return made


@contextmanager
def subgraph(folder: Path) -> Iterator[Server]:
    """Serve both schemas in one process; the gateway is told which of them to find where."""
    port = free_port()
    command = [sys.executable, "-m", "tests.gateway.bookshop", str(port)]
    with serving(command, port, folder / f"subgraph-{port}.log", "/") as server:
        yield server


@contextmanager
def running_gateway(
    supergraph: Path, folder: Path, books: str, reviews: str, **environment: str
) -> Iterator[Server]:
    port = free_port()
    settings = {
        "GATEWAY_PORT": str(port),
        "POLYNODE_GATEWAY_KEY": f"{KEY},a-key-being-retired",
        "POLYNODE_PUBLIC_URL": ORIGIN,
        "POLYNODE_SUPERGRAPH": str(supergraph),
        "BOOKS_URL": f"{books}/books/graphql",
        "REVIEWS_URL": f"{reviews}/reviews/graphql",
        **environment,
    }
    command = [NODE, str(ROUTER / "gateway.ts")]
    with serving(command, port, folder / f"gateway-{port}.log", "/health", **settings) as server:
        yield server


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with subgraph(tmp_path_factory.mktemp("shop")) as server:
        yield server


@pytest.fixture(scope="session")
def gateway(
    supergraph: Path, shop: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A gateway shared by tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(supergraph, folder, shop.url, shop.url) as server:
        yield server


@pytest.fixture
def make_gateway(supergraph: Path, shop: Server, tmp_path: Path) -> Iterator[MakeGateway]:
    """Start a gateway of one's own, with other settings or other subgraphs."""
    with ExitStack() as stack:

        def make(books: str = shop.url, reviews: str = shop.url, **environment: str) -> Server:
            running = running_gateway(supergraph, tmp_path, books, reviews, **environment)
            return stack.enter_context(running)

        yield make


@pytest.fixture
def make_subgraph(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(subgraph(tmp_path))


@pytest.fixture
async def client(gateway: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
        yield client


async def ask(client: httpx.AsyncClient, query: str, **variables: object) -> Any:
    """The GraphQL answer, errors and all."""
    body = {"query": query, "variables": variables}
    return (await client.post("/graphql", json=body)).json()


def code_of(answer: Any) -> str:
    """The code of the only error."""
    (error,) = answer["errors"]
    code: str = error["extensions"]["code"]
    return code


async def logged(client: httpx.AsyncClient, gateway: Server, query: str) -> list[dict[str, Any]]:
    """Ask, and return the log lines of that request.

    Lines are written after the answer, so one more request comes between.
    """
    correlation_id = str(uuid4())
    headers = {"x-correlation-id": correlation_id}
    await client.post("/graphql", json={"query": query}, headers=headers)
    await ask(client, "{ __typename }")
    return [line for line in gateway.log() if line.get("correlationId") == correlation_id]
