"""The ASGI app of a subgraph, and the process that hosts any set of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import structlog
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as PlainResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from subgraphs.kernel import graphql, migrate
from subgraphs.kernel.auth import GatewayProofs, Revocations, TokenVerifier, Viewer
from subgraphs.kernel.auth.revocations import TOPIC as REVOCATIONS
from subgraphs.kernel.background import background
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database, open_database
from subgraphs.kernel.door import Door
from subgraphs.kernel.limits.buckets import CostBuckets
from subgraphs.kernel.settings import SubgraphSettings

logger = structlog.get_logger(__name__)
LoadersT = TypeVar("LoadersT")

READY_SECONDS = 2.0


@dataclass(frozen=True)
class Subgraph(Generic[LoadersT]):
    """What makes one subgraph; its `app.py` is the composition root that fills this in."""

    name: str
    schema: graphql.Schema
    settings: SubgraphSettings
    loaders: Callable[[Database, Viewer], LoadersT]
    follows: Sequence[str] = ()
    """Topics whose events its subscriptions listen to."""
    services: Callable[[Database], Any] = field(default=lambda _: None)
    """Makes what resolvers find in `context.services`."""


def create_app(subgraph: Subgraph[LoadersT]) -> FastAPI:
    """Make the app: `/graphql` behind the door, `/health`, `/ready`."""
    settings = subgraph.settings
    proofs = GatewayProofs(settings.gateway_key.get_secret_value())
    verifier = TokenVerifier(settings.jwks_url, settings.public_url)
    revocations = Revocations()
    valkey_url = settings.valkey_url.get_secret_value()
    buckets = CostBuckets(valkey_url, per_minute=settings.cost_per_minute)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        url = settings.database_url.get_secret_value()
        pool_size = settings.pool_size
        async with (
            open_database(url, name=subgraph.name, pool_size=pool_size) as db,
            Bus.open(valkey_url) as bus,
            aclosing(buckets),
            aclosing(verifier),
        ):
            follower = _Follower(bus, revocations, subgraph.follows)
            await follower.start()
            async with background(follower.step, buckets.settle, verifier.keep_fresh):
                app.state.db, app.state.bus, app.state.door = db, bus, door
                door.open(
                    partial(
                        graphql.Context,
                        db,
                        bus,
                        subgraph.loaders,
                        services=subgraph.services(db),
                        spend=buckets.spend,
                        introspection=settings.introspection,
                    )
                )
                yield

    door: Door[LoadersT] = Door(subgraph.name, subgraph.schema, proofs, verifier, revocations)
    app = FastAPI(title=subgraph.name, lifespan=lifespan, openapi_url=None)
    app.add_route("/graphql", door.http, methods=["GET", "POST"])
    app.router.add_websocket_route("/graphql", door.websocket)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready")
    async def ready(response: Response) -> dict[str, str]:
        found = await readiness(app.state.db, app.state.bus, subgraph.name)
        response.status_code = 200 if set(found.values()) == {"ok"} else 503
        return found

    return app


class _Follower:
    """The one reader a process and subgraph: feeds listeners and revocations."""

    def __init__(self, bus: Bus, revocations: Revocations, topics: Sequence[str]) -> None:
        self._bus = bus
        self._revocations = revocations
        self._topics = {REVOCATIONS, *topics}
        self._loaded = False

    async def start(self) -> None:
        """Learn what was revoked before the first request; without Valkey, once it is back."""
        try:
            await asyncio.wait_for(self._load(), READY_SECONDS)
        except (RedisError, OSError) as error:
            logger.warning("Revocations are not known yet", error=type(error).__name__)

    async def _load(self) -> None:
        await self._bus.take_positions(self._topics)
        await self._revocations.load(self._bus)
        self._loaded = True

    async def step(self) -> None:
        if not self._loaded:
            await self._load()
        self._revocations.apply(await self._bus.follow(self._topics))


async def readiness(db: Database, bus: Bus, name: str) -> dict[str, str]:
    """Tell of the database, its migrations and the bus whether they are `ok`, or why not."""

    async def bus_answers() -> None:
        await bus.valkey.ping()

    async def check(question: Callable[[], Any]) -> str:
        try:
            await asyncio.wait_for(question(), READY_SECONDS)
        except Exception as error:
            logger.warning("Not ready", error=type(error).__name__)
            return type(error).__name__
        return "ok"

    migrations, answers = await asyncio.gather(
        check(partial(migrate.require_head, db.engine, name)), check(bus_answers)
    )
    return {"database": migrations, "bus": answers}


class Host:
    """An ASGI app that hosts subgraphs side by side in one process, each below its name.

    GraphQL goes straight to the door of its subgraph: what frameworks wrap around a request would
    cost more than the door itself. All else goes the usual way.
    """

    def __init__(self, apps: dict[str, FastAPI]) -> None:
        self._apps = {f"/{name}/graphql": app for name, app in apps.items()}
        self._rest = _outside(apps)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._apps.get(scope["path"]) if scope["type"] != "lifespan" else None
        if app is None:
            await self._rest(scope, receive, send)
        elif scope["type"] == "http":
            response = await app.state.door.http(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await app.state.door.websocket(WebSocket(scope, receive, send))


def _outside(apps: dict[str, FastAPI]) -> Starlette:
    """Everything but GraphQL: how the process and its subgraphs are, and their own routes."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    async def health(_: Request) -> PlainResponse:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> PlainResponse:
        found = {
            name: await readiness(app.state.db, app.state.bus, name) for name, app in apps.items()
        }
        fine = all(set(answers.values()) == {"ok"} for answers in found.values())
        return JSONResponse(found, status_code=200 if fine else 503)

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/metrics", metrics),
            *(Mount(f"/{name}", app=app) for name, app in apps.items()),
        ],
    )


async def metrics(_: Request) -> PlainResponse:
    """Serve the process's Prometheus metrics."""
    return PlainResponse(generate_latest(), media_type=CONTENT_TYPE_LATEST)
