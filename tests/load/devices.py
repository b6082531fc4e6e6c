"""The other devices: sockets that follow an enrollment each, and the completions they wait for.

`python -m tests.load.devices FILE` reads a `Job`, opens all sockets, says `open`, waits for a line,
completes and takes back lessons at a steady rate and writes what it measured as a line of JSON.
After a further line it waits until every socket has been lost and is back, and tells how long that
took since the line.
"""

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.load.client import Clock, Person, Request, User, percentile
from tests.load.client import Job as HttpJob

AT_ONCE = 32
LOST_SECONDS = 20.0
RETRY_SECONDS = 0.1
SUBSCRIPTION = """
subscription Progress($id: UUID!, $after: String) {
  progressUpdated(enrollmentId: $id, after: $after) {
    cursor resync lessonId enrollment { id percentComplete course { id title } }
  }
}
"""


@dataclass(frozen=True)
class Follower:
    """Someone who follows an enrollment from a cursor on, and changes it elsewhere."""

    token: str
    enrollment_id: str
    cursor: int
    requests: list[Request]  # each makes one event


@dataclass(frozen=True)
class Job:
    host: str
    port: int
    followers: list[Follower]
    seconds: float
    rate: float  # changes a second


@dataclass(frozen=True)
class Heard:
    """Milliseconds from the answer to a mutation until its event was on the other device."""

    events: int
    missing: int
    doubled: int
    p50: float
    p95: float
    p99: float


@dataclass
class Device:
    """One socket, opened again whenever it is lost; it goes on after the last cursor it saw."""

    follower: Follower
    job: Job
    cursor: int = 0
    arrivals: dict[int, float] = field(default_factory=dict)
    doubled: int = 0
    opened: int = 0
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.cursor = self.follower.cursor

    async def follow(self, turns: asyncio.Semaphore) -> None:
        url = f"ws://{self.job.host}:{self.job.port}/graphql"
        protocol = Subprotocol("graphql-transport-ws")
        while True:
            with suppress(WebSocketException, OSError, TimeoutError):
                async with turns:
                    socket = await connect(
                        url, subprotocols=[protocol], ping_interval=None, compression=None
                    )
                    await self._subscribe(socket)
                self.opened += 1
                self.is_open.set()
                async for message in socket:
                    self._take(orjson.loads(message))
            self.is_open.clear()
            await asyncio.sleep(RETRY_SECONDS)

    async def _subscribe(self, socket: ClientConnection) -> None:
        identity = {"authorization": f"Bearer {self.follower.token}"}
        await _send(socket, {"type": "connection_init", "payload": identity})
        await socket.recv()
        variables = {"id": self.follower.enrollment_id, "after": str(self.cursor)}
        payload = {"query": SUBSCRIPTION, "variables": variables}
        await _send(socket, {"id": "1", "type": "subscribe", "payload": payload})

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "ping" or "payload" not in message:
            return
        cursor = int(message["payload"]["data"]["progressUpdated"]["cursor"])
        if cursor <= self.cursor:
            self.doubled += 1
        self.cursor = max(cursor, self.cursor)
        self.arrivals.setdefault(cursor, time.perf_counter())


async def _send(socket: ClientConnection, message: dict[str, Any]) -> None:
    await socket.send(orjson.dumps(message).decode())


@dataclass
class Change:
    """Who changes an enrollment; the answers are the commits that the device is to hear of."""

    device: Device
    user: User
    answers: dict[int, float] = field(default_factory=dict)

    async def make(self) -> None:
        await self.user.ask()
        self.answers[self.device.follower.cursor + len(self.answers) + 1] = time.perf_counter()


async def run(job: Job) -> None:
    devices = [Device(follower, job) for follower in job.followers]
    turns = asyncio.Semaphore(AT_ONCE)
    following = [asyncio.create_task(device.follow(turns)) for device in devices]
    await asyncio.gather(*(device.is_open.wait() for device in devices))
    await _told("open")
    heard = await _measure(job, devices)
    await _told(orjson.dumps(asdict(heard)).decode())
    started = time.perf_counter()
    await asyncio.gather(*(_is_back(device, device.opened) for device in devices))
    sys.stdout.write(f"{time.perf_counter() - started}\n")
    for task in following:
        task.cancel()


async def _told(line: str) -> None:
    """Write a line and wait for the one that answers it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)


async def _is_back(device: Device, before: int) -> None:
    while device.opened == before:
        await device.is_open.wait()
        await asyncio.sleep(RETRY_SECONDS / 10)


async def _measure(job: Job, devices: list[Device]) -> Heard:
    clock = Clock()
    changes = []
    for device in devices:
        person = Person(device.follower.token, device.follower.requests)
        http = HttpJob(job.host, job.port, [person], job.seconds)
        changes.append(Change(device, User(person, http, clock)))
    rounds = len(job.followers[0].requests)
    makers = [asyncio.Lock() for _ in changes]
    running = []
    due = time.perf_counter()
    for number in range(int(job.seconds * job.rate) // rounds * rounds):
        position = number // rounds % len(changes)
        running.append(asyncio.create_task(_in_turn(makers[position], changes[position])))
        due += 1 / job.rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await asyncio.gather(*running)
    await _until_heard(changes)
    if clock.errors:
        raise RuntimeError(clock.first_error)
    return _heard(changes)


async def _in_turn(lock: asyncio.Lock, change: Change) -> None:
    async with lock:
        await change.make()


async def _until_heard(changes: list[Change]) -> None:
    """Wait for the last events; one that has not come by then is missing."""
    deadline = time.perf_counter() + LOST_SECONDS
    while time.perf_counter() < deadline:
        if all(change.answers.keys() <= change.device.arrivals.keys() for change in changes):
            return
        await asyncio.sleep(RETRY_SECONDS)


def _heard(changes: list[Change]) -> Heard:
    delays = sorted(
        max(0.0, change.device.arrivals[cursor] - answered) * 1_000
        for change in changes
        for cursor, answered in change.answers.items()
        if cursor in change.device.arrivals
    )
    return Heard(
        events=len(delays),
        missing=sum(len(change.answers) for change in changes) - len(delays),
        doubled=sum(change.device.doubled for change in changes),
        p50=percentile(delays, 50),
        p95=percentile(delays, 95),
        p99=percentile(delays, 99),
    )


def load(text: bytes) -> Job:
    value: dict[str, Any] = orjson.loads(text)
    followers = [
        Follower(**{**it, "requests": [Request(**request) for request in it["requests"]]})
        for it in value.pop("followers")
    ]
    return Job(followers=followers, **value)


if __name__ == "__main__":
    uvloop.run(run(load(Path(sys.argv[1]).read_bytes())))
