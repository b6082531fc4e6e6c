"""A rolling deploy: one process after the other is asked to go, and nobody is turned away."""

import asyncio
import time
from contextlib import suppress
from functools import partial

import psutil

from infra.stack import Stack
from tests.faults import ledger
from tests.faults.crowd import Pupil, enrol
from tests.faults.device import Device, arrived, following
from tests.faults.figures import Figure
from tests.support.api import eventually
from tests.support.campus import open_campus
from tests.support.stack import MakeStack

LEARNERS, LESSONS = 6, 100
PAUSE_SECONDS = 0.2
PROCESSES = ("subgraphs-1", "subgraphs-2")


async def test_two_processes_are_replaced_in_turn_and_no_request_is_dropped(
    make_stack: MakeStack, figure: Figure
) -> None:
    stack: Stack = make_stack(separate=False, processes=2)
    async with open_campus(stack.url) as campus:
        _, course = await campus.course(lessons=LESSONS)
        pupils = await enrol(campus, course, LEARNERS)
        devices = [Device(it.person, it.enrollment_id, cursor=1) for it in pupils]
        async with following(*devices):
            done = asyncio.Event()
            work = [_steadily(pupil, course.lesson_ids, done) for pupil in pupils]
            finishing = asyncio.gather(*work)
            await eventually(partial(_are_open, devices))
            started = time.monotonic()
            for name in PROCESSES:
                await asyncio.to_thread(stack.restart, name)
                await eventually(partial(_listens, stack, name), within=30)
            deployed = time.monotonic() - started
            meanwhile = sum(len(pupil.complete) for pupil in pupils)
            done.set()
            await finishing
            await eventually(partial(arrived, devices, LESSONS + 2), within=30)
        await eventually(partial(ledger.settled, stack))

        assert [pupil.failures.total() for pupil in pupils] == [0] * LEARNERS
        assert all(device.seen == list(range(2, LESSONS + 3)) for device in devices)
        assert await ledger.balance(stack, course.id, pupils) == ledger.NOTHING
    figure(
        "R36",
        dropped=0,
        completed_meanwhile=meanwhile,
        deployed=round(deployed, 1),
        sockets_closed=sum(device.closed[1012] for device in devices),
    )


async def _listens(stack: Stack, name: str) -> bool:
    """The process itself, that is: they share a port, so the other one answers for it."""
    process = psutil.Process(stack.pid(name))
    found = process.net_connections(kind="tcp")
    return any(it.status == psutil.CONN_LISTEN for it in found)


async def _steadily(pupil: Pupil, lesson_ids: list[str], deployed: asyncio.Event) -> None:
    """Complete a lesson now and then until all is deployed, and then the rest."""
    for lesson_id in lesson_ids:
        await pupil.finish([lesson_id])
        with suppress(TimeoutError):
            await asyncio.wait_for(deployed.wait(), PAUSE_SECONDS)


async def _are_open(devices: list[Device]) -> bool:
    return all(device.opened for device in devices)
