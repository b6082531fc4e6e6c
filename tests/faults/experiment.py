"""The great experiment: completions, while everything that carries their events is being killed."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from math import ceil
from typing import Any

from infra.stack import Stack
from tests.faults import ledger
from tests.faults.crowd import Pupil, enrol
from tests.faults.device import Device, arrived, following
from tests.faults.nemesis import Nemesis
from tests.support.api import eventually
from tests.support.campus import open_campus

FAILPOINTS = "relay.sent=0.02,inbox.handled=0.005"
FEW_LESSONS, MANY_LESSONS = 50, 100
MANY = 1_000
SETTLE_SECONDS = 120


@dataclass(frozen=True)
class Plan:
    """How much, how random, and how cruel."""

    completions: int
    seed: int
    every: tuple[int, int]
    """The fewest and the most completions between two kills."""
    failpoints: str = FAILPOINTS
    """Where the worker dies by itself, with which probability."""

    @property
    def lessons(self) -> int:
        return FEW_LESSONS if self.completions < MANY else MANY_LESSONS

    @property
    def learners(self) -> int:
        return ceil(self.completions / self.lessons)


SMALL = Plan(600, seed=20_260_730, every=(15, 60))
FULL = Plan(
    10_000, seed=20_260_730, every=(50, 150), failpoints="relay.sent=0.005,inbox.handled=0.001"
)


@dataclass(frozen=True)
class Outcome:
    """Every figure of one run."""

    completions: int
    killed: dict[str, int]
    fell: dict[str, int]
    retried: dict[str, int]
    """Answers that left a client in doubt, by their kind."""
    seconds: float
    settled_seconds: float
    """From the last completion until every effect and every device was there."""
    balance: ledger.Balance
    drift: str
    devices: int
    reconnects: int
    resyncs: int
    missed: int
    """Events that a device was not told of."""
    doubled: int
    unordered: int

    @property
    def is_flawless(self) -> bool:
        wrong = (*asdict(self.balance).values(), self.missed, self.doubled, self.unordered)
        return not any(wrong) and not self.drift

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def run(stack: Stack, plan: Plan) -> Outcome:
    """Complete every lesson of a new course by new learners, each followed by a device."""
    async with open_campus(stack.url) as campus:
        _, course = await campus.course(lessons=plan.lessons)
        pupils = await enrol(campus, course, plan.learners)
        devices = [Device(pupil.person, pupil.enrollment_id, cursor=1) for pupil in pupils]
        armed = {"POLYNODE_FAILPOINTS": plan.failpoints}

        def completed() -> int:
            return sum(len(pupil.complete) for pupil in pupils)

        nemesis = Nemesis(stack, plan.seed, plan.every, armed, completed)
        last = plan.lessons + 2  # the enrolment before them, the completed course after them
        started = time.monotonic()
        async with following(*devices):
            async with nemesis.raging():
                await asyncio.gather(*(pupil.finish(course.lesson_ids) for pupil in pupils))
                ended = time.monotonic()
            with suppress(TimeoutError):  # the figures tell what is missing
                await eventually(partial(ledger.settled, stack), within=SETTLE_SECONDS)
                await eventually(partial(arrived, devices, last), within=SETTLE_SECONDS)
        settled = time.monotonic()
        return Outcome(
            completions=completed(),
            killed=dict(nemesis.killed),
            fell=dict(nemesis.fell),
            retried=_retried(pupils),
            seconds=round(ended - started, 1),
            settled_seconds=round(settled - ended, 1),
            balance=await ledger.balance(stack, course.id, pupils),
            drift=await ledger.drift(stack),
            **_heard(devices, last),
        )


def _retried(pupils: list[Pupil]) -> dict[str, int]:
    return dict(sum((pupil.failures for pupil in pupils), Counter[str]()))


def _heard(devices: list[Device], last: int) -> dict[str, int]:
    wanted = set(range(2, last + 1))
    return {
        "devices": len(devices),
        "reconnects": sum(device.opened - 1 for device in devices),
        "resyncs": sum(device.resyncs for device in devices),
        "missed": sum(len(wanted - set(device.seen)) for device in devices),
        "doubled": sum(len(device.seen) - len(set(device.seen)) for device in devices),
        "unordered": sum(device.seen != sorted(device.seen) for device in devices),
    }
