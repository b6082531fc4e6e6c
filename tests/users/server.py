"""Users served over HTTP in this process, for what only a real server shows."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from subgraphs.kernel import app
from subgraphs.kernel.auth import gateway
from subgraphs.users.app import create_app

KEY = "the gateway's key"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running server, asked as a gateway asks."""

    client: httpx.AsyncClient

    async def ask(self, query: str, *, token: str = "", **variables: Any) -> Any:
        """Return the whole answer: data and errors."""
        authorization = f"Bearer {token}" if token else ""
        proof = gateway.prove(
            KEY, int(time.time()), correlation="", client="192.0.2.1", authorization=authorization
        )
        headers = {gateway.HEADER: proof, gateway.CLIENT_HEADER: "192.0.2.1"}
        if token:
            headers["authorization"] = authorization
        body = {"query": query, "variables": variables}
        answer = await self.client.post("/users/graphql", json=body, headers=headers)
        return answer.raise_for_status().json()

    async def jwks(self) -> httpx.Response:
        return await self.client.get("/users/.well-known/jwks.json")


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[Server]:
    """Serve users on this port for as long as the block lasts."""
    config = uvicorn.Config(
        app.Host({"users": create_app()}), port=port, log_config=None, ws="websockets-sansio"
    )
    server = _Listening(config)
    running = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        async with asyncio.timeout(10):
            await server.listening.wait()
        try:
            yield Server(client)
        finally:
            server.should_exit = True
            await running


class _Listening(uvicorn.Server):
    """Says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()
