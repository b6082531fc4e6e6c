"""One life of a stack, from taking the data folder to giving it back."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from infra.stack import (
    control,
    credentials,
    folder,
    migrations,
    ports,
    postgres,
    process,
    state,
    topology,
)
from infra.stack.credentials import Credentials
from infra.stack.environment import Layout, base
from infra.stack.folder import Folder
from infra.stack.supervisor import Supervisor
from infra.stack.topology import Options
from infra.terminal import Progress, say

INTERRUPTED = 130


async def run(
    data: Path,
    options: Options,
    *,
    port: int,
    host: str,
    announce: Callable[[Folder, Layout, list[str], float], None],
) -> int:
    """Start, announce, and keep the stack until a signal asks for its end; return 0 then."""
    started = time.monotonic()
    topology.check_programs(options)
    home = folder.prepare(data)
    with ExitStack() as kept:
        kept.enter_context(folder.owned(home))
        _end_orphans(home)  # one of them may be an edge, on the wanted port
        public = kept.enter_context(ports.public(port, host))
        if port not in {0, public}:
            say(f"Port {port} is taken; using {public}.")
        supervisor, layout = _prepare(home, options, public=public, host=host)
        asked_to_stop = _stop_signals(supervisor)
        server = await control.serve(supervisor, home)
        try:
            if await _unless(asked_to_stop, supervisor.up()):
                announce(home, layout, list(supervisor.running), time.monotonic() - started)
                supervisor.mark_ready()
                await asked_to_stop.wait()
        finally:
            server.close()
            with supervisor.progress.step("stopped"):
                await supervisor.down()
            home.control.unlink(missing_ok=True)
    return 0


def _end_orphans(home: Folder) -> None:
    for pid in process.end_orphans(state.read(home).orphans()):
        say(f"Ended process {pid}, left over from a start that was killed.")


def _prepare(
    home: Folder, options: Options, *, public: int, host: str
) -> tuple[Supervisor, Layout]:
    secrets = credentials.load(home)
    _make_databases(home, secrets, options)
    internal = ports.internal(topology.port_names(options), state.read(home).ports)
    layout = topology.layout(public, host, internal)
    parts = topology.parts(home, secrets, layout, options)
    after: dict[str, Callable[[], object]] = {
        "postgres": partial(postgres.create_databases, home, secrets),
        "migrate": partial(migrations.remember, home),
        "seed": partial(home.seeded.write_text, str(options.seed)),
    }
    fresh = state.State(os.getpid(), host=host, public_port=public, ports=dict(layout.ports))
    return Supervisor(home, parts, base(), after, fresh), layout


def _make_databases(home: Folder, secrets: Credentials, options: Options) -> None:
    durable = options.postgres.get("fsync") != "off"
    if (home.postgres / "PG_VERSION").exists():
        postgres.forget_stale_pid(home)
    else:
        with Progress().step("databases"):
            postgres.create(home, secrets, durable=durable)
            for done in (home.migrated, home.seeded):
                done.unlink(missing_ok=True)  # it was done to databases that are gone


def _stop_signals(supervisor: Supervisor) -> asyncio.Event:
    """An event for the first Ctrl-C or SIGTERM; the second one does not wait for anybody."""
    asked = asyncio.Event()

    def stop() -> None:
        if asked.is_set():
            for running in supervisor.running.values():
                if running.identity and running.identity.find():
                    process.kill_group(running.identity.pid)
            os._exit(INTERRUPTED)
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    return asked


async def _unless(asked_to_stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work to its end, or give it up when asked to stop; tell whether it was done."""
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if working.done():
        await working  # raises what it raised
        return True
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return False
