"""Starts the parts in order, brings back one that dies, stops all of them in reverse."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from infra.stack import logs, process, state
from infra.stack.folder import Folder
from infra.stack.part import Part, stop_order
from infra.stack.process import Identity
from infra.terminal import Failure, Progress

READY_SECONDS = 90
POLL_SECONDS = 0.05
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30  # whoever ran for as long may die again without a longer pause
MOST_FAILURES_BEFORE_READY = 3
ROTATE_SECONDS = 5
RAISED = re.compile(r"[\w.]+(Error|Exception|Failure)\b")  # the last line of a traceback
TELLING = re.compile(r"error|fatal|exception|cannot|refused", re.IGNORECASE)


@dataclass
class Running:
    """A part's present process and its past."""

    part: Part
    process: asyncio.subprocess.Process | None = None
    identity: Identity | None = None
    started: float = 0.0
    restarts: int = 0
    failures: int = 0  # in a row
    wanted: bool = True
    overrides: dict[str, str] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # wake a pause: `wanted` changed
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)  # by an order, or after a death


class Supervisor:
    """One stack. Every method runs on the event loop of the main thread."""

    def __init__(
        self,
        folder: Folder,
        parts: Mapping[str, Part],
        environment: Mapping[str, str],
        after: Mapping[str, Callable[[], object]],
        known: state.State,
    ) -> None:
        """`after` holds what to do (and await) once a part first is ready."""
        self.running = {name: Running(part) for name, part in parts.items()}
        self.progress = Progress()
        self._folder = folder
        self._environment = environment
        self._after = after
        self._state = known
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def up(self) -> None:
        """Return when every part is ready; fail when one cannot be."""
        try:
            async with asyncio.TaskGroup() as group:
                for running in self.running.values():
                    group.create_task(self._bring_up(running))
        except ExceptionGroup as failures:
            expected = failures.subgroup(Failure)
            raise (expected or failures).exceptions[
                0
            ] from None  # one line; the rest follows from it
        self._watch(self._rotate_logs())

    def mark_ready(self) -> None:
        """Let others know; the last thing of a start."""
        self._record(ready=True)

    async def down(self) -> None:
        """Stop everything, whoever needs a part before that part."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        for names in stop_order({name: running.part for name, running in self.running.items()}):
            await asyncio.gather(*(self._end(self.running[name]) for name in names))
        self._record(ready=False)

    async def stop(self, name: str) -> None:
        """Stop one part on purpose: it stays down until `start`."""
        running = self.running[name]
        running.wanted = False
        running.changed.set()
        await self._end(running)

    async def start(self, name: str, overrides: Mapping[str, str]) -> None:
        """Start a stopped part, with variables of its environment replaced; wait until ready."""
        running = self.running[name]
        async with running.starting:
            if running.identity and running.identity.find():
                raise Failure(f"{name} is running already.")
            running.wanted, running.overrides = True, dict(overrides)
            running.failures = 0
            await self._spawn(running)
        await self._until_ready(running)

    async def _bring_up(self, running: Running) -> None:
        part = running.part
        for need in part.needs:
            await self.running[need].ready.wait()
        if not part.done:
            with self.progress.step(part.name):
                await self._spawn(running)
                await self._until_ready(running)
                if step := self._after.get(part.name):
                    outcome = step()
                    if asyncio.iscoroutine(outcome):
                        await outcome
        running.ready.set()

    async def _spawn(self, running: Running) -> asyncio.subprocess.Process:
        part = running.part
        environment = {**self._environment, **part.environment, **running.overrides}
        running.changed.clear()
        log = logs.path(self._folder, part.name)
        child = running.process = await process.spawn(part, environment, log)
        running.started = time.monotonic()
        running.identity = Identity.of(child.pid)
        if not part.once:  # first of all: a disk too full to record it is no reason not to watch
            self._watch(self._restart_when_dead(running, child))
        self._record()
        return child

    async def _until_ready(self, running: Running) -> None:
        """Poll the part; a job is ready when it has ended well."""
        part = running.part
        if part.once:
            assert running.process
            if await running.process.wait():
                raise Failure(f"{part.name} failed: {self._last_words(part.name)}")
            return
        deadline = time.monotonic() + READY_SECONDS
        while not (running.identity and running.identity.find() and await part.probe()):
            if running.failures >= MOST_FAILURES_BEFORE_READY:
                raise Failure(f"{part.name} does not start: {self._last_words(part.name)}")
            if time.monotonic() > deadline:
                raise Failure(
                    f"{part.name} is not ready after {READY_SECONDS} s: "
                    f"{self._last_words(part.name)}"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _restart_when_dead(self, running: Running, child: asyncio.subprocess.Process) -> None:
        code = await child.wait()
        process.kill_group(child.pid)
        if not self._should_run(running):
            return
        steady = time.monotonic() - running.started > STEADY_SECONDS
        running.failures = 0 if steady else running.failures
        running.restarts += 1
        reason = f"(process {child.pid}) {_ending(code)}"
        while self._should_run(running) and running.process is child:
            running.failures += 1
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (running.failures - 1), LONGEST_PAUSE_SECONDS)
            self.notice(f"{running.part.name} {reason}; restart in {pause:.1f} s.")
            with suppress(TimeoutError):
                await asyncio.wait_for(running.changed.wait(), pause)
            try:
                await self._respawn(running, child)
            except OSError as error:
                reason = f"could not be started ({error.strerror})"

    async def _respawn(self, running: Running, child: asyncio.subprocess.Process) -> None:
        async with running.starting:
            if self._should_run(running) and running.process is child:
                successor = await self._spawn(running)
                self.notice(f"{running.part.name} runs again as process {successor.pid}.")

    def _should_run(self, running: Running) -> bool:
        return running.wanted and not self._stopping

    async def _end(self, running: Running) -> None:
        child = running.process
        if child is None:
            return
        if child.returncode is None:
            with suppress(ProcessLookupError):
                # Not `child.send_signal`, which may collect the exit code behind asyncio's back.
                os.kill(child.pid, running.part.stop_signal)
                os.kill(child.pid, signal.SIGCONT)  # a stopped process would not hear it
            try:
                await asyncio.wait_for(child.wait(), running.part.stop_seconds)
            except TimeoutError:
                self.notice(f"{running.part.name} did not stop in time and was killed.")
                process.kill_group(child.pid)
                await child.wait()
        process.kill_group(child.pid)

    def notice(self, line: str) -> None:
        """Tell the person at the terminal, and the supervisor's own log, if they can be told."""
        with suppress(OSError):
            self.progress.say(line)
        with suppress(OSError), logs.path(self._folder, "supervisor").open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {line}\n")

    def _last_words(self, name: str) -> str:
        file = logs.path(self._folder, name)
        lines = [line.rstrip() for line in logs.tail(file, 60) if line.strip()]
        raised = [line for line in lines if RAISED.match(line)]
        telling = raised or [line for line in lines if TELLING.search(line)] or lines
        return f"{telling[-1].strip() if telling else 'it said nothing'} (log: {file})"

    def _record(self, *, ready: bool | None = None) -> None:
        """Write down who the children are before anything can go wrong with us."""
        children = {
            name: (identity.pid, identity.created, int(running.part.stop_signal))
            for name, running in self.running.items()
            if (identity := running.identity)
        }
        is_ready = self._state.ready if ready is None else ready
        self._state = replace(
            self._state, supervisor=os.getpid(), ready=is_ready, children=children
        )
        state.write(self._folder, self._state)

    async def _rotate_logs(self) -> None:
        told = ""
        while True:
            try:
                logs.rotate(self._folder)
            except OSError as error:
                if told != (told := str(error)):
                    self.notice(f"A log cannot be cut: {error}.")
            await asyncio.sleep(ROTATE_SECONDS)

    def _watch(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.notice(f"The supervisor gave up on something: {error!r}.")


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with {code}"
