"""Work on a schedule; every task may run twice and has its effect once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog
from celery import shared_task

from subgraphs.kernel.db import Database, open_database
from subgraphs.users.repository import sessions
from subgraphs.users.service import audit
from subgraphs.users.settings import Settings

logger = structlog.get_logger(__name__)

SESSIONS_KEPT = timedelta(days=7)
"""How long an expired session is remembered, so that its spent tokens are still recognised."""


@shared_task(
    name="users.roll_over_audit",
    autoretry_for=(Exception,),
    retry_backoff=True,
    max_retries=8,
)
def roll_over_audit() -> None:
    """Seal the audit log's days that are over, those that were missed as well."""
    asyncio.run(_roll_over_audit())


async def _roll_over_audit() -> None:
    async with _database() as db:
        async with db.read() as session:
            days = await audit.unsealed_days(session, datetime.now(UTC).date())
        for day in days:
            await db.transact(audit.seal_day, day)


@shared_task(name="users.forget_sessions", autoretry_for=(Exception,), retry_backoff=True)
def forget_sessions() -> None:
    """Delete sessions that expired a while ago, with the addresses they came from."""
    asyncio.run(_forget_sessions())


async def _forget_sessions() -> None:
    async with _database() as db:
        total, now = 0, datetime.now(UTC)
        while forgotten := await db.transact(sessions.forget_sessions, now, kept=SESSIONS_KEPT):
            total += forgotten
    logger.info("Sessions were forgotten", count=total)


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    """Connect for one task: a task runs in a thread and an event loop of its own."""
    url = Settings().database_url.get_secret_value()
    async with open_database(url, name="users", pool_size=1) as db:
        yield db
