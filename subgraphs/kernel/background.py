"""Endless work, cut into steps; an outage costs a pause, not the loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

logger = structlog.get_logger(__name__)

PAUSE = 0.5
MAX_PAUSE = 5.0


@asynccontextmanager
async def background(*steps: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Repeat every step for as long as the block lasts."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(repeat(step)) for step in steps]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def repeat(step: Callable[[], Awaitable[None]]) -> None:
    """Repeat a step without end, after a failure with growing pauses."""
    pause = PAUSE
    while True:
        try:
            await step()
        except Exception as error:
            logger.warning("A background step failed", step=repr(step), error=repr(error)[:500])
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)
        else:
            pause = PAUSE
            await asyncio.sleep(0)  # a step that never waits must not starve the others
