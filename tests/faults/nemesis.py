"""Kills parts of a stack at random, and lets them return; the same seed kills at the same points.

A point is a number of completions, not a moment: whatever the speed of the machine, there is work
under way when something dies, and so many completions see so many deaths.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from infra.stack import Stack, state
from infra.stack.process import Identity
from infra.terminal import Failure

VICTIMS = ("worker", "learning", "valkey", "courses", "gateway")
LOOK_SECONDS = 0.05


@dataclass
class Nemesis:
    """`environment` arms the failpoints of `worker`, whose deaths are counted as well."""

    stack: Stack
    seed: int
    every: tuple[int, int]
    """The fewest and the most completions between two kills."""
    environment: Mapping[str, str]
    completed: Callable[[], int]
    """Tells how many completions there have been."""
    killed: Counter[str] = field(default_factory=Counter)
    fell: Counter[str] = field(default_factory=Counter)
    """Deaths at a failpoint."""
    _lives: dict[str, set[Identity]] = field(default_factory=dict)

    @asynccontextmanager
    async def raging(self) -> AsyncIterator[None]:
        """Kill for as long as the block lasts; every part is alive and unarmed after it."""
        await asyncio.to_thread(self.stack.restart, "worker", self.environment)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._strike())]
            tasks += [group.create_task(self._revive(name)) for name in VICTIMS]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
        for name in VICTIMS:
            await asyncio.to_thread(self.stack.wait, name)
            lives = self._lives[name] | {self._identity(name)}
            self.fell[name] = len(lives) - 1 - self.killed[name]
        await asyncio.to_thread(self.stack.restart, "worker")

    async def _strike(self) -> None:
        chance = random.Random(self.seed)  # noqa: S311, no secret
        while True:
            point = self.completed() + chance.randint(*self.every)
            name = chance.choice(VICTIMS)
            while self.completed() < point:  # noqa: ASYNC110, nobody tells
                await asyncio.sleep(LOOK_SECONDS)
            if process := self._identity(name).find():
                self._lives.setdefault(name, set()).add(self._identity(name))
                with suppress(ProcessLookupError):  # a failpoint was faster
                    os.kill(process.pid, signal.SIGKILL)
                    self.killed[name] += 1

    async def _revive(self, name: str) -> None:
        """Start what died at once: the supervisor would take ever longer pauses."""
        lives = self._lives.setdefault(name, set())
        environment = self.environment if name == "worker" else {}
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            lives.add(now := self._identity(name))
            if not now.find():
                with suppress(Failure):  # the supervisor was faster, or it was killed again
                    await asyncio.to_thread(self.stack.start, name, environment)

    def _identity(self, name: str) -> Identity:
        pid, created, _ = state.read(self.stack.folder).children[name]
        return Identity(pid, created)
