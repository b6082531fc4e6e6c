"""The processes behind the scenes: what they do by themselves, and how they tell of it."""

import asyncio
import re
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from celery.schedules import crontab
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.background import background
from subgraphs.kernel.db import Database, new_id
from subgraphs.kernel.once import first_time
from subgraphs.kernel.tables import INBOX
from subgraphs.kernel.worker import INBOX_KEPT, Worker, create_app, create_celery, maintain
from tests.kernel import shelf
from tests.kernel.conftest import heard, lend, until
from tests.kernel.doors import NAME, make_settings


@pytest.fixture
def worker(shelf_url: str, valkey: str) -> Worker:
    settings = make_settings(database=shelf_url, valkey=valkey, jwks="http://127.0.0.1:1")
    return Worker(
        NAME,
        settings,
        topics=[NAME],
        inbox=shelf.make_inbox(),
        tasks=["tests.kernel.shelf"],
        schedule={"dust": {"task": "shelf.dust", "schedule": crontab(minute="0")}},
    )


@pytest.mark.usefixtures("at_head", "bus")
async def test_a_worker_relays_consumes_and_tells_how_it_is(
    worker: Worker, db: Database, book: UUID
) -> None:
    app: Any = create_app([worker])

    async def complete() -> bool:
        return await heard(db) == [(book, 1), (book, 2)]

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client,
    ):
        await lend(db, book, times=2)
        await until(complete)
        health = await client.get("/health")
        ready = await client.get("/ready")
        metrics = (await client.get("/metrics")).text

    assert health.json() == {"status": "ok"}
    assert (ready.status_code, ready.json()) == (200, {NAME: {"database": "ok", "bus": "ok"}})
    for metric in (
        r'polynode_outbox_lag\{database="shelf"\} \d',
        r'polynode_outbox_age_seconds\{database="shelf"\} \d',
        r'polynode_outbox_dead\{database="shelf"\} 0\.0',
        r'polynode_inbox_waiting\{group="library"\} 0\.0',
        r'polynode_inbox_dead\{group="library"\} 0\.0',
        r'polynode_inbox_handled_total\{group="library",type="shelf\.book_lent"\} [1-9]',
    ):
        assert re.search(metric, metrics), metric


@pytest.mark.usefixtures("bus")
async def test_a_worker_whose_database_is_not_at_head_is_not_ready(
    worker: Worker, db: Database
) -> None:
    app: Any = create_app([worker])
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client,
    ):
        ready = await client.get("/ready")
    assert ready.status_code == 503
    assert ready.json()[NAME]["bus"] == "ok"
    assert ready.json()[NAME]["database"] != "ok"
    assert await heard(db) == []


async def receipts(db: Database) -> int:
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(INBOX)) or 0


async def test_maintenance_forgets_old_receipts_of_events_and_none_of_tasks(db: Database) -> None:
    async with db.begin() as session:
        old = func.outbox_bound(func.now() - INBOX_KEPT - text("interval '1 day'"))
        for id in (old, new_id()):
            await session.execute(insert(INBOX).values(id=id))
        assert await first_time(session, "invoice of May") is True
    assert await receipts(db) == 3

    async def two_left() -> bool:
        return await receipts(db) == 2

    async with background(partial(maintain, db), partial(maintain, db)):  # two workers
        await until(two_left)

    assert await db.transact(first_time, "invoice of May") is False


async def test_a_task_that_comes_ten_times_at_once_is_done_once(db: Database) -> None:
    async def work(session: AsyncSession) -> bool:
        if not await first_time(session, "certificate 7"):
            return False
        await shelf.add_book(session, "A certificate")
        return True

    done = await asyncio.gather(*(db.transact(work) for _ in range(8)))

    assert sorted(done) == [False] * 7 + [True]
    async with db.read() as session:
        assert (await session.scalars(select(shelf.Book.title))).all() == ["A certificate"]
    assert await db.transact(first_time, "certificate 8") is True


async def test_a_task_that_failed_may_be_tried_again(db: Database) -> None:
    async def fail(session: AsyncSession) -> None:
        assert await first_time(session, "mail 7")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await db.transact(fail)

    assert await db.transact(first_time, "mail 7") is True


def test_celery_loses_no_task_and_keeps_to_its_own_database(worker: Worker) -> None:
    celery = create_celery([worker])
    assert celery.conf.broker_url.endswith("/1")
    assert celery.conf.imports == ["tests.kernel.shelf"]
    assert list(celery.conf.beat_schedule) == ["dust"]
    assert (celery.conf.task_acks_late, celery.conf.task_reject_on_worker_lost) == (True, True)
    assert (str(celery.conf.timezone), celery.conf.worker_prefetch_multiplier) == ("UTC", 1)
