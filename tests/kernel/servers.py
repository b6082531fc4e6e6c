"""Servers in the test's own process: an ASGI app on a socket, and an issuer of tokens."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from subgraphs.kernel.auth import AUDIENCE
from subgraphs.kernel.auth.tokens import ALGORITHM, TOKEN_TYPE

ORIGIN = "http://localhost:8000"


@dataclass(frozen=True)
class Served:
    """An app that listens on a port of this machine."""

    server: uvicorn.Server
    port: int
    stopped: asyncio.Task[None]


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[Served]:
    """Serve `app` with the options of `python -m subgraphs serve`."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="httptools",
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        ws_max_size=1_048_576,
        ws_per_message_deflate=False,
    )
    server = uvicorn.Server(config)
    stopped = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Served(server, listener.getsockname()[1], stopped)
    finally:
        server.should_exit = True
        await stopped


@dataclass
class Issuer:
    """Signs tokens, and publishes its keys at `url`."""

    url: str = ""
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    requests: int = 0
    down: bool = False
    published: Any = None
    """What to publish instead of the keys."""

    def add_key(self, kid: str) -> None:
        self.keys[kid] = Ed25519PrivateKey.generate()

    def public(self, kid: str) -> dict[str, Any]:
        found: dict[str, Any] = OKPAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True)
        return found | {"kid": kid, "use": "sig", "alg": ALGORITHM}

    async def answer(self, _: Request) -> Response:
        self.requests += 1
        if self.down:
            return Response(status_code=503)
        keys = {"keys": [self.public(kid) for kid in self.keys]}
        return JSONResponse(self.published or keys)

    def token(self, kid: str = "one", **changes: Any) -> str:
        """Sign a good token, or one whose claims or headers differ; None leaves a claim out."""
        signer = changes.pop("key", None) or self.keys[kid]
        algorithm = changes.pop("alg", ALGORITHM)
        headers = {"kid": kid, "typ": TOKEN_TYPE} | changes.pop("headers", {})
        claims = good_claims() | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, signer, algorithm, headers=headers)


def good_claims() -> dict[str, Any]:
    now = time.time()
    return {
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "iss": ORIGIN,
        "aud": AUDIENCE,
        "iat": now,
        "exp": int(now) + 600,
    }


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """Run an issuer that has one key, `one`."""
    issuer = Issuer()
    issuer.add_key("one")
    async with serving(Starlette(routes=[Route("/jwks.json", issuer.answer)])) as served:
        issuer.url = f"http://127.0.0.1:{served.port}/jwks.json"
        yield issuer
