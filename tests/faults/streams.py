"""The streams of a stack, looked at from outside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from infra.stack import Stack


@asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[Any]:
    """A client of the stack's Valkey."""
    async with Redis.from_url(stack.valkey_url, decode_responses=True) as client:
        yield client
