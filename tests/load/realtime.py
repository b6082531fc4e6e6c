"""Live progress: many sockets, a completion here, the news of it there."""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from infra.bootstrap.parts import ROOT
from infra.terminal import Failure
from tests.load import people
from tests.load.devices import Follower, Heard, Job
from tests.load.scenarios import SCENARIOS
from tests.load.servers import Servers


@dataclass(frozen=True)
class Live:
    """`kilobytes` is resident memory a socket, by part; `cpu` is milliseconds an event."""

    sockets: int
    rate: float
    heard: Heard
    kilobytes: Mapping[str, float]
    cpu: Mapping[str, float]
    reconnect_seconds: float  # until all are back after the gateway was restarted


async def measure(servers: Servers, sockets: int, rate: float, seconds: float) -> Live:
    """Open so many sockets through the edge, each following an enrollment of its own viewer."""
    crowd = await people.learners(servers.stack, sockets)
    followers = [
        Follower(it.token, str(it.enrollment_id), it.cursor, list(SCENARIOS["progress"].asks(it)))
        for it in crowd
    ]
    job = Job("127.0.0.1", servers.product.port, followers, seconds, rate)
    return await asyncio.to_thread(_run, servers, job)


def _run(servers: Servers, job: Job) -> Live:
    meter = servers.product.meter
    before = meter.memory()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(orjson.dumps(asdict(job)))
        file.flush()
        with subprocess.Popen(  # noqa: S603, ourselves
            [sys.executable, "-m", "tests.load.devices", file.name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        ) as process:
            _expect(process, "open")
            memory = meter.memory()
            spent = meter.cpu()
            heard = Heard(**json.loads(_say(process)))
            spent = {part: value - spent[part] for part, value in meter.cpu().items()}
            assert process.stdin
            process.stdin.write("restart\n")
            servers.stack.restart("gateway")
            back = float(_line(process))
    count = len(job.followers)
    return Live(
        sockets=count,
        rate=job.rate,
        heard=heard,
        kilobytes={part: (memory[part] - before[part]) / 1_024 / count for part in memory},
        cpu={part: value * 1_000 / max(heard.events, 1) for part, value in spent.items()},
        reconnect_seconds=back,
    )


def _expect(process: "subprocess.Popen[str]", word: str) -> None:
    if _line(process) != word:
        raise Failure("The devices could not start; see above.")


def _say(process: "subprocess.Popen[str]") -> str:
    assert process.stdin
    process.stdin.write("go\n")
    return _line(process)


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    if not (line := process.stdout.readline()):
        raise Failure("The devices gave up; see above.")
    return line.strip()


def lines(live: Live) -> list[str]:
    """What a person reads."""
    heard = live.heard
    kilobytes = " · ".join(
        f"{part} {live.kilobytes[part]:.0f} KB" for part in ("edge", "gateway", "subgraphs")
    )
    cpu = " · ".join(f"{part} {value:.2f}" for part, value in live.cpu.items())
    return [
        f"\nlive progress: {live.sockets} sockets, {live.rate:.0f} completions/s",
        f"  commit → other device: p50 {heard.p50:.1f} ms, p95 {heard.p95:.1f} ms, "
        f"p99 {heard.p99:.1f} ms ({heard.events} events, {heard.missing} missing, "
        f"{heard.doubled} doubled)",
        f"  memory a socket: {kilobytes}",
        f"  CPU ms an event: {cpu}",
        f"  all back after a restart of the gateway: {live.reconnect_seconds:.1f} s",
    ]


def as_json(live: Live) -> dict[str, Any]:
    return asdict(live)
