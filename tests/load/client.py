"""The users: HTTP/1.1 over connections that are kept alive, as cheap as Python allows.

`python -m tests.load.client FILE` reads a `Job`, connects, warms up, says `ready`, waits for a line
on its input, and writes what it measured as one line of JSON.
"""

import asyncio
import sys
import time
from array import array
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import orjson
import uvloop

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
CHUNKED = b"transfer-encoding: chunked"
SHOWN = 1_000
WARMING = 16  # users at once, before the clock starts
ANSWER_SECONDS = 60.0
"""After the end; a request that hangs for longer fails the whole measurement."""


@dataclass(frozen=True)
class Request:
    """What one user asks; a part of `expect` that the answer lacks is an error."""

    method: str
    path: str
    body: str
    expect: str


@dataclass(frozen=True)
class Person:
    """A user asks these requests in turn, each after the answer to the one before."""

    token: str
    requests: list[Request]


@dataclass(frozen=True)
class Job:
    """With a `rate` (requests a second) they come when they come; without, as fast as can be."""

    host: str
    port: int
    people: list[Person]
    seconds: float
    rate: float | None = None
    whole_rounds: bool = False  # end only after a person's last request, which undoes the first
    warm_up: float = 0.0  # seconds before the clock starts; everyone asks once in any case


@dataclass(frozen=True)
class Measured:
    """Latencies are milliseconds; with a rate they count from when a request was due."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    bytes: int = 0
    client_cpu: float = 0.0  # seconds
    first_error: str = ""


@dataclass
class Clock:
    """What all users share."""

    ends: float = float("inf")
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    errors: int = 0
    bytes: int = 0
    first_error: str = ""


class User(asyncio.Protocol):
    """One connection. `ask` sends the next request; `answered` is called with each answer."""

    def __init__(self, person: Person, job: Job, clock: Clock) -> None:
        self._job = job
        self._clock = clock
        self._requests = [_encoded(request, person.token, job) for request in person.requests]
        self._next = 0
        self._buffer = bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def may_stop(self) -> bool:
        return not self._job.whole_rounds or self._next % len(self._requests) == 0

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, self._job.host, self._job.port)

    async def ask(self, due: float | None = None) -> None:
        """Send the next request and wait for its answer."""
        if self._transport is None or self._transport.is_closing():
            await self.connect()
        assert self._transport
        content, expect = self._requests[self._next % len(self._requests)]
        started = due or time.perf_counter()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(content)
        try:
            await self._waiting
            answer = bytes(self._buffer)
            problem = b"" if _is_good(answer, expect) else answer
        except ConnectionError as error:
            problem = type(error).__name__.encode()
        self._buffer.clear()
        self._next += 1
        self._clock.latencies.append((time.perf_counter() - started) * 1_000)
        if problem:
            self._clock.errors += 1
            self._clock.first_error = self._clock.first_error or _told(problem)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if _is_whole(self._buffer) and self._waiting and not self._waiting.done():
            self._clock.bytes += len(self._buffer)
            self._waiting.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("closed"))


def _encoded(request: Request, token: str, job: Job) -> tuple[bytes, bytes]:
    body = request.body.encode()
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nHost: localhost:{job.port}\r\n"
        f"Authorization: Bearer {token}\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body, request.expect.encode()


def _is_whole(buffer: bytearray) -> bool:
    end = buffer.find(HEAD_END)
    if end < 0:
        return False
    head = bytes(buffer[:end]).lower()
    at = head.find(LENGTH)
    if at < 0:
        return CHUNKED in head and buffer.endswith(b"0\r\n\r\n")
    length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
    return len(buffer) >= end + len(HEAD_END) + length


def _is_good(answer: bytes, expect: bytes) -> bool:
    return answer.startswith(b"HTTP/1.1 200") and b'"errors":' not in answer and expect in answer


def _told(problem: bytes) -> str:
    """Cut an answer short: the status is at its beginning, GraphQL's errors are at its end."""
    text = problem.decode(errors="replace")
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 4]} … {text[-SHOWN:]}"


async def run(job: Job) -> Measured:
    clock = Clock()
    users = [User(person, job, clock) for person in job.people]
    for user in users:  # one after the other: a crowd at the door is another test
        await user.connect()
    await _all_once(users)
    warm = Clock(ends=time.perf_counter() + job.warm_up)
    await asyncio.gather(*(_closed_loop(user, warm) for user in users[:WARMING]))
    clock.latencies = array("d")
    clock.bytes = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    cpu, started = time.process_time(), time.perf_counter()
    clock.ends = started + job.seconds
    async with asyncio.timeout(job.seconds + ANSWER_SECONDS):
        if job.rate is None:
            await asyncio.gather(*(_closed_loop(user, clock) for user in users))
        else:
            await _open_loop(users, clock, job.rate)
    seconds = time.perf_counter() - started
    latencies = sorted(clock.latencies)
    return Measured(
        requests=len(latencies),
        errors=clock.errors,
        seconds=seconds,
        p50=percentile(latencies, 50),
        p95=percentile(latencies, 95),
        p99=percentile(latencies, 99),
        bytes=clock.bytes // max(len(latencies), 1),
        client_cpu=time.process_time() - cpu,
        first_error=clock.first_error,
    )


async def _all_once(users: list[User]) -> None:
    """Let each user ask once; the first ask of a token is dear to the servers."""
    turns = asyncio.Semaphore(WARMING)

    async def one(user: User) -> None:
        async with turns:
            await user.ask()
            while not user.may_stop:
                await user.ask()

    await asyncio.gather(*map(one, users))


async def _closed_loop(user: User, clock: Clock) -> None:
    """Ask again as soon as there is an answer."""
    while time.perf_counter() < clock.ends or not user.may_stop:
        await user.ask()


async def _open_loop(users: list[User], clock: Clock, rate: float) -> None:
    """Ask at a steady rate, whoever has been idle for longest: a slow server gets no mercy."""
    idle = deque(users)
    running: set[asyncio.Task[None]] = set()

    async def turn(user: User, due: float) -> None:
        await user.ask(due)
        idle.append(user)

    due = time.perf_counter()
    while due < clock.ends:
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        while not idle:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(turn(idle.popleft(), due))
        running.add(task)
        task.add_done_callback(running.discard)
        due += 1 / rate
    await asyncio.gather(*running)
    for user in users:
        while not user.may_stop:
            await user.ask()


def percentile(ordered: list[float], percent: float) -> float:
    """The smallest value that `percent` of 100 are not above."""
    if not ordered:
        return 0.0
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def load(text: bytes) -> Job:
    """Read a job from its JSON."""
    value: dict[str, Any] = orjson.loads(text)
    people = [
        Person(it["token"], [Request(**request) for request in it["requests"]])
        for it in value.pop("people")
    ]
    return Job(people=people, **value)


def main() -> None:
    measured = uvloop.run(run(load(Path(sys.argv[1]).read_bytes())))
    sys.stdout.write(orjson.dumps(asdict(measured)).decode() + "\n")


if __name__ == "__main__":
    main()
