"""Endless work, cut into steps; an outage costs a pause, not the loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

logger = structlog.get_logger(__name__)

PAUSE = 0.5
MAX_PAUSE = 5.0
INSIST_SECONDS = 0.5


@asynccontextmanager
async def background(*steps: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Repeat every step for as long as the block lasts."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(repeat(step)) for step in steps]
        try:
            yield
        finally:
            await _end(tasks)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: a client may mistake a cancellation for a timeout of its own."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=INSIST_SECONDS)


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


def heed_cancellation() -> None:
    """Raise what the client of Valkey swallowed: before Python 3.12 `wait_for` may lose it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
