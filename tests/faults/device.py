"""A device that follows an enrollment through every disconnect, as a browser's client does."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.support.api import Api, Socket

PROGRESS = """subscription ($id: UUID!, $after: String) {
  progressUpdated(enrollmentId: $id, after: $after) { cursor resync lessonId } }"""
LONGEST_PAUSE = 1.0
OPEN_SECONDS = 10
EXPIRED = 4401


@dataclass
class Device:
    """What arrived, and how often the way there broke."""

    learner: Api
    enrollment_id: str
    cursor: int
    """The last event it knows of; it goes on after that one."""
    seen: list[int] = field(default_factory=list)
    resyncs: int = 0
    """Times it was told that events could no longer be replayed."""
    opened: int = 0
    closed: Counter[int | None] = field(default_factory=Counter)
    """How often the other side closed the socket, by its code; None: it was cut."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Subscriptions that ended with an error, by its code."""

    async def follow(self) -> None:
        """Listen, and come back after a short random pause whenever the stream ends."""
        while True:
            try:
                await self._listen()
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else None
                self.closed[code] += 1
                if code == EXPIRED:
                    await self._log_in()
            except (WebSocketException, OSError, TimeoutError):
                pass
            await asyncio.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311, no secret

    async def _log_in(self) -> None:
        with suppress(AssertionError, httpx.TransportError, ValueError):  # some part is down
            await self.learner.log_in()

    async def _listen(self) -> None:
        async with asyncio.timeout(OPEN_SECONDS) as opening, self.learner.socket() as socket:
            await socket.subscribe(PROGRESS, {"id": self.enrollment_id, "after": str(self.cursor)})
            opening.reschedule(None)
            self.opened += 1
            while (message := await _next(socket))["type"] == "next":
                self._take(message["payload"])
                if "errors" in message["payload"]:
                    return

    def _take(self, payload: dict[str, Any]) -> None:
        for error in payload.get("errors", []):
            code = error["extensions"]["code"]
            self.refusals[code] = self.refusals.get(code, 0) + 1
        if update := (payload.get("data") or {}).get("progressUpdated"):
            self.cursor = int(update["cursor"])
            self.resyncs += update["resync"]
            self.seen.append(self.cursor)


async def _next(socket: Socket) -> Any:
    """The next message; there may be none for long."""
    while (message := json.loads(await socket.connection.recv()))["type"] in ("ping", "pong"):
        pass
    return message


@asynccontextmanager
async def following(*devices: Device) -> AsyncIterator[None]:
    """Let the devices follow for as long as the block lasts."""
    tasks = [asyncio.create_task(device.follow()) for device in devices]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        if broken := [it for it in outcomes if isinstance(it, Exception)]:
            raise ExceptionGroup("Devices that broke rather than come back", broken)


async def arrived(devices: Sequence[Device], cursor: int) -> bool:
    """Tell whether every device knows of the event `cursor`."""
    return all(device.cursor >= cursor for device in devices)
