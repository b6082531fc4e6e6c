"""Devices that are cut off all at once, that do not read, or that were away for a while."""

import asyncio
import time
from contextlib import suppress
from functools import partial

from websockets.exceptions import ConnectionClosed

from infra.stack import Stack
from tests.faults import ledger
from tests.faults.crowd import enrol, newcomer
from tests.faults.device import Device, arrived, following
from tests.faults.figures import Figure
from tests.faults.scale import FULL
from tests.support.api import Api, eventually
from tests.support.campus import Campus

SOCKETS = 1_000 if FULL else 300
PEOPLE = SOCKETS // 20
"""So that nobody holds more than twenty sockets."""
STORM_SECONDS = 120 if FULL else 60
TOO_SLOW = 'polynode_gateway_sockets_ended_total{code="4413"}'
MOST_GROWTH = 96 * 1_048_576
"""What is buffered is a megabyte; the rest is what V8 has not collected yet."""
LONG = "A long story. " * 10_000
STORY = "query ($slug: String!) { course(slug: $slug) { description } }"


async def test_after_a_restart_of_the_gateway_all_devices_are_back(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    _, course = await campus.course(lessons=2)
    pupils = await enrol(campus, course, PEOPLE)
    owners = [pupil for pupil in pupils for _ in range(SOCKETS // PEOPLE)]
    devices = [Device(pupil.person, pupil.enrollment_id, cursor=1) for pupil in owners]
    async with following(*devices):
        await asyncio.gather(*(pupil.finish(course.lesson_ids[:1]) for pupil in pupils))
        await eventually(partial(arrived, devices, 2), within=STORM_SECONDS)
        before = [device.opened for device in devices]

        async def back(share: float) -> bool:
            again = sum(device.opened > old for device, old in zip(devices, before, strict=True))
            return again >= share * SOCKETS

        started = time.monotonic()
        await asyncio.to_thread(system.restart, "gateway")
        await eventually(partial(back, 0.99), within=STORM_SECONDS)
        most = time.monotonic() - started
        await eventually(partial(back, 1), within=STORM_SECONDS)
        everyone = time.monotonic() - started
        await asyncio.gather(*(pupil.finish(course.lesson_ids[1:]) for pupil in pupils))
        await eventually(partial(arrived, devices, 4), within=STORM_SECONDS)

    assert all(device.seen == [2, 3, 4] for device in devices)
    assert sum(device.resyncs for device in devices) == 0
    figure("R31", sockets=SOCKETS, to_99_percent=round(most, 2), to_all=round(everyone, 2))


async def test_a_device_that_stops_reading_is_cut_off_and_costs_bounded_memory(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    instructor, course = await campus.course(lessons=1)
    await instructor.do("updateCourse", courseId=course.id, description=LONG)
    await asyncio.to_thread(system.restart, "gateway")  # what others left to be collected is gone
    await _stop_reading(system, instructor, course.slug)  # so that it has what it works with
    before = system.status()["gateway"]["memory_bytes"]
    started = time.monotonic()
    after = await _stop_reading(system, instructor, course.slug)
    seconds, growth = time.monotonic() - started, after - before

    assert growth < MOST_GROWTH
    assert "errors" not in (await instructor.post({"query": "{ viewer { id } }"})).json()
    figure("R32", code=4413, seconds=round(seconds, 1), growth_mb=round(growth / 1_048_576, 1))


async def _stop_reading(system: Stack, learner: Api, slug: str) -> int:
    """Ask on a socket and read no answer until that is cut off; the gateway's memory then."""
    cut_off, asked = _cut_off(system), 0
    async with learner.socket() as device:
        device.connection.transport.pause_reading()
        async with asyncio.timeout(60):
            while _cut_off(system) == cut_off:
                with suppress(ConnectionClosed):
                    for _ in range(5):
                        asked += 1
                        await device.subscribe(STORY, {"slug": slug}, id=str(asked))
                await asyncio.sleep(0.01)
        memory: int = system.status()["gateway"]["memory_bytes"]
        device.connection.transport.resume_reading()
    return memory


def _cut_off(system: Stack) -> float:
    """How many sockets the gateway has closed because their reader was too slow."""
    return system.metrics("gateway").get(TOO_SLOW, 0)


async def test_what_was_missed_while_offline_arrives_with_the_cursor(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, lessons=12)
    device = Device(pupil.person, pupil.enrollment_id, cursor=1)
    async with following(device):
        await pupil.finish(course.lesson_ids[:2])
        await eventually(partial(arrived, [device], 3))
    await pupil.finish(course.lesson_ids[2:11])
    await eventually(partial(ledger.settled, system))

    started = time.monotonic()
    async with following(device):
        await eventually(partial(arrived, [device], 12))
        caught_up = time.monotonic() - started
        await pupil.finish(course.lesson_ids[11:])
        await eventually(partial(arrived, [device], 14))

    assert device.seen == list(range(2, 15))
    assert device.resyncs == 0
    figure("R33", missed=0, while_offline=9, caught_up=round(caught_up, 3))
