"""One measurement: some users ask one target for some seconds."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field

import orjson

from infra.bootstrap.parts import ROOT
from infra.terminal import Failure
from tests.load.client import Job, Measured
from tests.load.delivery import Delivery
from tests.load.meter import Meter, spent


@dataclass(frozen=True)
class Figures(Measured):
    """What was measured, with the servers' CPU milliseconds a request by part."""

    cpu: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def cpu_total(self) -> float:
        return sum(self.cpu.values())


async def measure(job: Job, meter: Meter, delivery: Delivery | None = None) -> Figures:
    """Run a job in a process of its own; with a `delivery` what follows later counts as well."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(orjson.dumps(asdict(job)))
        file.flush()
        async with _users(file.name) as (words, answers):
            if (await answers.readline()) != b"ready\n":
                raise Failure("The users could not start; see above.")
            if delivery:
                await delivery.settle()
            before = meter.cpu()
            words.write(b"go\n")
            await words.drain()
            if not (told := await answers.readline()):
                raise Failure("The users gave up; see above.")
    if delivery:
        await delivery.settle()
    seconds = spent(before, meter.cpu())
    measured = Measured(**json.loads(told))
    each = 1_000 / max(measured.requests, 1)
    return Figures(**asdict(measured), cpu={part: it * each for part, it in seconds.items()})


@asynccontextmanager
async def _users(job: str) -> AsyncIterator[tuple[asyncio.StreamWriter, asyncio.StreamReader]]:
    """Start the process of the users; it is gone at the end, whatever happens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.load.client", job),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdin, process.stdout
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
