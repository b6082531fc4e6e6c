"""What is measured: the stack with its seed, and the baseline beside it."""

import argparse
import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.bootstrap.parts import ROOT
from infra.commands import jobs
from infra.stack import Stack, folder
from infra.terminal import Failure
from tests.load.delivery import Delivery
from tests.load.meter import Meter

NO_LIMIT = {"POLYNODE_COST_PER_MINUTE": "1000000000"}
READY_SECONDS = 30
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Target:
    """Something that answers requests."""

    name: str
    url: str
    meter: Meter

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@dataclass(frozen=True)
class Servers:
    stack: Stack
    product: Target
    baseline: Target
    delivery: Delivery


def data_folder(size: str) -> Path:
    """Kept from run to run: the large seed takes minutes."""
    return ROOT / ".polynode" / f"bench-{size}"


@contextmanager
def running_stack(data: Path, size: str, processes: int) -> Iterator[Stack]:
    """Start the whole stack on the seed of this size, which is made if it is not there."""
    if not folder.prepare(data).seeded.exists() and jobs.seed(
        argparse.Namespace(data=data, size=size)
    ):
        raise Failure(f"The {size} seed could not be made.")
    with Stack(data, processes=processes, environment=NO_LIMIT) as stack:
        yield stack


@asynccontextmanager
async def serving(stack: Stack) -> AsyncIterator[Servers]:
    """Put the baseline beside a running stack."""
    pids = {name: row["pid"] for name, row in stack.status().items() if row["pid"]}
    product = Target("product", f"http://127.0.0.1:{stack.layout.public_port}", Meter(pids))
    with _baseline(stack) as (process, port):
        both = {"baseline": process.pid, "postgres": pids["postgres"]}
        baseline = Target("baseline", f"http://127.0.0.1:{port}", Meter(both))
        await _until_ready(baseline.url, process)
        async with Delivery.of(stack) as delivery:
            yield Servers(stack, product, baseline, delivery)


@contextmanager
def _baseline(stack: Stack) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = _free_port()
    command = [sys.executable, "-m", "tests.load.baseline", str(port)]
    with subprocess.Popen(  # noqa: S603, ourselves
        command, cwd=ROOT, env=stack.environment
    ) as process:
        try:
            yield process, port
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient() as client:
        while process.poll() is None:
            try:
                await client.get(f"{url}/dashboard")
            except httpx.TransportError:
                await asyncio.sleep(POLL_SECONDS)
            else:
                return
    raise Failure("The baseline did not start; see above.")
