"""Processes of the operating system: start them, know them again, end them."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from infra.bootstrap.parts import ROOT
from infra.stack.part import Part

LAUNCHER = Path(__file__).with_name("launch.py")
CLOCK_SLACK_SECONDS = 0.05  # psutil rounds the start of a process to ticks
ORPHAN_SECONDS = 15


@dataclass(frozen=True)
class Identity:
    """A pid alone may belong to someone else after a while; a pid and a start time do not."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Of a child just started; one that has died already is never found again."""
        with suppress(psutil.NoSuchProcess):
            return cls(pid, psutil.Process(pid).create_time())
        return cls(pid, 0.0)

    def find(self) -> psutil.Process | None:
        """The process, if it is still the same one and no zombie."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < CLOCK_SLACK_SECONDS
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def launcher(death_signal: int, part: Part | None = None) -> list[str]:
    """The words before a command that tie it to the life of this process."""
    words = [sys.executable, "-I", "-S", str(LAUNCHER)]
    words += ["--parent", str(os.getpid()), "--signal", str(int(death_signal))]
    if part and part.user:
        words += ["--user", "{}:{}".format(*part.user), *(["--search"] if part.search else [])]
    return [*words, "--"]


async def spawn(
    part: Part, environment: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    """Start a part in a process group of its own; call it from a thread that lives on.

    The death signal comes when the thread that started the process ends.
    """
    # Appending, so that the log can be cut short under the writer.
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *launcher(part.stop_signal, part),
            *part.command,
            cwd=ROOT,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def kill_group(pid: int) -> None:
    """End what a dead leader left behind, such as the pool of a Celery worker."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_orphans(orphans: list[tuple[Identity, int]]) -> list[int]:
    """End the children of a supervisor that was killed, each by its signal; return their pids."""
    living = [
        (process, number) for orphan, number in orphans if (process := orphan.find()) is not None
    ]
    for process, number in living:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    processes = [process for process, _ in living]
    _, stubborn = psutil.wait_procs(processes, timeout=ORPHAN_SECONDS)
    for process in stubborn:
        kill_group(process.pid)
    psutil.wait_procs(stubborn, timeout=ORPHAN_SECONDS)
    for orphan, _ in orphans:
        if not psutil.pid_exists(orphan.pid):
            kill_group(orphan.pid)
    return [process.pid for process in processes]


def usage(pid: int) -> dict[str, Any]:
    """CPU seconds and resident bytes of a process and its descendants."""
    seconds, memory = 0.0, 0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds += times.user + times.system
                memory += process.memory_info().rss
    return {"cpu_seconds": seconds, "memory_bytes": memory}
