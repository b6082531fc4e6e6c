"""Waiting until the events of what was written have had their effect everywhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from redis.asyncio import Redis

from infra.stack import Stack

SECONDS = 60
POLL_SECONDS = 0.05
TOPIC = "events:{learning}"
_WAITING = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND dead_at IS NULL"


@dataclass(frozen=True)
class Delivery:
    """Looks at learning's outbox and at the groups that read its topic."""

    database: Any
    valkey: Any

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: Stack) -> "AsyncIterator[Delivery]":
        url = stack.database_url("learning").replace("+asyncpg", "")
        database = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
        try:
            async with Redis.from_url(stack.valkey_url, decode_responses=True) as valkey:
                yield cls(database, valkey)
        finally:
            await database.close()

    async def settle(self) -> None:
        """Return when nothing is under way."""
        async with asyncio.timeout(SECONDS):
            while await self._under_way():  # noqa: ASYNC110, it is other processes that work
                await asyncio.sleep(POLL_SECONDS)

    async def _under_way(self) -> bool:
        if await self.database.fetchval(_WAITING):
            return True
        if not await self.valkey.exists(TOPIC):
            return False
        groups = await self.valkey.xinfo_groups(TOPIC)
        return any(group["lag"] or group["pending"] for group in groups)
