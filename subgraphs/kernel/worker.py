"""The processes behind the scenes: relay and consumers, and Celery for work that can wait."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from celery import Celery
from sqlalchemy import delete, func, select, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from subgraphs.kernel.app import metrics, readiness
from subgraphs.kernel.background import background
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database, open_database
from subgraphs.kernel.inbox import Inbox
from subgraphs.kernel.migrate import LOCK_TIMEOUT
from subgraphs.kernel.relay import RETENTION, relay
from subgraphs.kernel.settings import SubgraphSettings
from subgraphs.kernel.tables import INBOX

MAINTENANCE_SECONDS = 3_600
INBOX_KEPT = timedelta(days=14)
"""Twice what the outboxes keep: no event can come again after its receipt is gone."""


@dataclass(frozen=True)
class Worker:
    """What one subgraph does behind the scenes; its `worker.py` fills this in."""

    name: str
    settings: SubgraphSettings
    topics: Sequence[str]
    """The topics that its events are published under."""
    inbox: Inbox
    tasks: Sequence[str] = ()
    """Modules with its Celery tasks."""
    schedule: Mapping[str, Any] = field(default_factory=dict)
    """Celery beat's entries."""


def create_app(workers: Sequence[Worker]) -> Starlette:
    """Make the app of a `work` process: it relays, consumes, and tells how it is."""
    running: dict[str, tuple[Database, Bus]] = {}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            steps = []
            for worker in workers:
                url = worker.settings.database_url.get_secret_value()
                # Two seats, and what the handlers and the retries need.
                opened = open_database(url, name=worker.name, pool_size=6)
                db = await stack.enter_async_context(opened)
                bus = await stack.enter_async_context(
                    Bus.open(worker.settings.valkey_url.get_secret_value())
                )
                running[worker.name] = (db, bus)
                steps += [
                    partial(relay, db.engine, bus, name=worker.name, topics=worker.topics),
                    partial(maintain, db),
                ]
                if worker.inbox.handlers:
                    steps.append(partial(worker.inbox.consume, db, bus))
            await stack.enter_async_context(background(*steps))
            yield

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        found = {name: await readiness(db, bus, name) for name, (db, bus) in running.items()}
        fine = all(set(answers.values()) == {"ok"} for answers in found.values())
        return JSONResponse(found, status_code=200 if fine else 503)

    return Starlette(
        lifespan=lifespan,
        routes=[Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)],
    )


async def maintain(db: Database) -> None:
    """Make tomorrow's partitions of the outbox; forget what is older than can come again."""
    async with db.begin() as session:
        # Partitions change under a lock that everyone's writes would queue behind.
        await session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("maintain"))))
        await session.execute(select(func.outbox_maintain(RETENTION)))
        bound = func.outbox_bound(func.now() - INBOX_KEPT)
        await session.execute(delete(INBOX).where(INBOX.c.id < bound))
    await asyncio.sleep(MAINTENANCE_SECONDS)


def create_celery(workers: Sequence[Worker]) -> Celery:
    """Make the Celery app of these subgraphs: at least once, so every task has a key."""
    url = workers[0].settings.valkey_url.get_secret_value()
    celery = Celery("polynode", broker=f"{url.rpartition('/')[0]}/1")
    celery.conf.update(
        imports=[module for worker in workers for module in worker.tasks],
        beat_schedule={
            name: entry for worker in workers for name, entry in worker.schedule.items()
        },
        timezone="UTC",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_default_queue="polynode",
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": 600, "global_keyprefix": "celery:"},
    )
    return celery
