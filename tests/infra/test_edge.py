"""The edge in front of an upstream that tells what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from infra.bootstrap.parts import ROOT
from infra.stack import edge, folder, ports, process
from infra.stack.environment import Layout

LIMIT = 2_000_000


@dataclass
class Upstream:
    """Answers like a router: JSON of the request's head, or a stream, or a socket."""

    heads: list[str] = field(default_factory=list)
    next_event: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the edge hung up, as it does on a body too large
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        if "event-stream" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            await self.next_event.wait()
            writer.write(b"data: 2\n\n")
        else:
            await _drain_body(reader, head)
            body = json.dumps({"head": head}).encode()
            length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + length + body)
        await writer.drain()


async def _drain_body(reader: asyncio.StreamReader, head: str) -> None:
    if "transfer-encoding: chunked" in head.lower():
        await reader.readuntil(b"0\r\n\r\n")
    for line in head.splitlines():
        if line.lower().startswith("content-length:"):
            await reader.readexactly(int(line.split(":")[1]))


@dataclass
class Edge:
    http: httpx.AsyncClient
    live: Upstream
    queries: Upstream
    port: int


@pytest.fixture
async def caddy(tmp_path: Path) -> AsyncIterator[Edge]:
    async with running(tmp_path, "127.0.0.1") as edge:
        yield edge


@asynccontextmanager
async def running(tmp_path: Path, host: str) -> AsyncIterator[Edge]:
    """An edge on a held port, in folders whose names a careless configuration would tear."""
    home = folder.prepare(tmp_path / "data + more")
    checkout = tmp_path / "check out"
    checkout.symlink_to(ROOT)
    chosen = ports.internal(["gateway", "apollo", "users"], {})
    live, queries = Upstream(), Upstream()
    servers = [
        await asyncio.start_server(upstream.answer, "127.0.0.1", chosen[name])
        for upstream, name in ((live, "gateway"), (queries, "apollo"), (live, "users"))
    ]
    with ports.public(0, host) as public:
        layout = Layout(public, host, chosen)
        part = edge.part(home, layout, "apollo")
        environment = {**part.environment, "EDGE_ROOT": str(checkout)}
        caddy = await process.spawn(part, environment, tmp_path / "edge.log")
        while not await part.probe():
            assert caddy.returncode is None, (tmp_path / "edge.log").read_text()
        async with httpx.AsyncClient(base_url=layout.url) as http:
            live.heads.clear()
            yield Edge(http, live, queries, public)
        caddy.terminate()
        await caddy.wait()
    for server in servers:
        server.close()


async def test_the_address_of_the_client_is_the_peers_and_no_proof_comes_from_outside(
    caddy: Edge,
) -> None:
    forged = {
        "X-Polynode-Client": "6.6.6.6",
        "X-Polynode-Gateway": "v1 0 00",
        "X-Forwarded-For": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
        "X-Correlation-Id": "0198c0de-0000-7000-8000-000000000001",
    }
    answer = await caddy.http.post("/graphql", json={"query": "{ viewer { id } }"}, headers=forged)

    head = answer.json()["head"].lower()
    assert "x-polynode-client: 127.0.0.1\r\n" in head
    assert "x-correlation-id: 0198c0de-0000-7000-8000-000000000001\r\n" in head
    assert "6.6.6.6" not in head
    assert "x-polynode-gateway" not in head


async def test_queries_go_to_one_router_and_live_data_to_the_other(caddy: Edge) -> None:
    await caddy.http.post("/graphql", json={"query": "{ viewer { id } }"})
    with pytest.raises(Exception, match="HTTP 200"):
        await connect(
            f"ws://127.0.0.1:{caddy.port}/graphql",
            subprotocols=[Subprotocol("graphql-transport-ws")],
        )

    assert [head.split()[0] for head in caddy.queries.heads] == ["POST"]
    assert [head.split()[0] for head in caddy.live.heads] == ["GET"]
    assert "upgrade: websocket" in caddy.live.heads[0].lower()


async def test_a_stream_arrives_event_by_event(caddy: Edge) -> None:
    accept = {"Accept": "text/event-stream", "Accept-Encoding": "gzip"}
    async with caddy.http.stream("POST", "/graphql", headers=accept, json={}) as answer:
        chunks = answer.aiter_text()
        assert await anext(chunks) == "data: 1\n\n"  # while the upstream still holds the second
        caddy.live.next_event.set()
        assert await anext(chunks) == "data: 2\n\n"
    assert "content-encoding" not in answer.headers


async def test_a_body_beyond_two_megabytes_is_refused(caddy: Edge) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 1_000_000

    allowed = await caddy.http.post("/graphql", content=b" " * LIMIT)
    declared = await caddy.http.post("/graphql", content=b" " * (LIMIT + 1))
    chunked = await caddy.http.post("/graphql", content=endless())

    assert [allowed.status_code, declared.status_code, chunked.status_code] == [200, 413, 413]


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/ready", "/users/graphql", "/courses/health", "/learning/ready", "/.git/config"],
)
async def test_what_is_internal_is_not_there(caddy: Edge, path: str) -> None:
    answer = await caddy.http.get(path)

    assert answer.status_code == 404
    assert caddy.live.heads == caddy.queries.heads == []


async def test_keys_come_from_users_and_health_from_the_gateway(caddy: Edge) -> None:
    keys = await caddy.http.get("/.well-known/jwks.json")
    health = await caddy.http.get("/health")

    assert keys.json()["head"].startswith("GET /users/.well-known/jwks.json ")
    assert health.json()["head"].startswith("GET /health ")


async def test_the_landing_page_is_compressed_and_guarded(caddy: Edge) -> None:
    page = await caddy.http.get("/", headers={"Accept-Encoding": "gzip"})

    assert page.status_code == 200
    assert "<title>Polynode</title>" in page.text
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "server" not in page.headers


async def test_the_demo_logins_are_an_empty_list_until_the_seed_writes_some(caddy: Edge) -> None:
    assert (await caddy.http.get("/demo.json")).json() == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1"])  # noqa: S104, what is tested
async def test_it_listens_where_it_is_told_to_and_is_asked_there(tmp_path: Path, host: str) -> None:
    async with running(tmp_path, host) as edge:
        answer = await edge.http.get("/health")

    assert answer.json()["head"].startswith("GET /health ")
