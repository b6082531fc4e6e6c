"""Valkey hangs, is away, or comes back empty: writes go on, and what was missed is made up for."""

import asyncio
import shutil
import signal
import time
from functools import partial

import pytest

from infra.stack import Stack
from subgraphs.kernel.bus import topic_stream
from tests.faults import ledger
from tests.faults.crowd import newcomer
from tests.faults.device import Device, arrived, following
from tests.faults.figures import Figure
from tests.faults.scale import FULL
from tests.faults.streams import opened
from tests.support.api import eventually
from tests.support.campus import Campus

LESSONS = 20
OUTAGE_SECONDS = 60.0 if FULL else 4.0
"""The fault table says sixty; four are long enough for every client to notice."""


@pytest.mark.parametrize("how", ["hangs", "is stopped"])
async def test_while_valkey_is_away_writes_succeed_and_the_outbox_drains_after(
    system: Stack, campus: Campus, figure: Figure, how: str
) -> None:
    pupil, course = await newcomer(campus, LESSONS)
    await eventually(partial(ledger.settled, system))
    device = Device(pupil.person, pupil.enrollment_id, cursor=1)
    async with following(device):
        await eventually(partial(_is_open, device))
        await _take_away(system, how)
        started = time.monotonic()
        for lesson_id in course.lesson_ids:
            await pupil.finish([lesson_id])
            await asyncio.sleep(OUTAGE_SECONDS / LESSONS)  # spread over the outage
        outage = time.monotonic() - started
        backlog = await ledger.waiting(system)
        await _bring_back(system, how)
        back = time.monotonic()
        await eventually(partial(ledger.settled, system), within=30)
        await eventually(partial(arrived, [device], LESSONS + 2))
        drained = time.monotonic() - back

    assert not pupil.failures
    assert backlog == LESSONS + 1  # and the completed course
    assert await ledger.balance(system, course.id, [pupil]) == ledger.NOTHING
    assert device.seen == list(range(2, LESSONS + 3))
    assert device.resyncs == 0
    figure("R12", how=how, outage=round(outage, 1), backlog=backlog, drained=round(drained, 2))


async def _is_open(device: Device) -> bool:
    return device.opened > 0


async def _take_away(system: Stack, how: str) -> None:
    if how == "hangs":
        system.kill("valkey", signal.SIGSTOP)
    else:
        await asyncio.to_thread(system.stop, "valkey")


async def _bring_back(system: Stack, how: str) -> None:
    if how == "hangs":
        system.kill("valkey", signal.SIGCONT)
    else:
        await asyncio.to_thread(system.start, "valkey")


async def test_a_valkey_that_lost_everything_is_refilled_and_listeners_go_on(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, LESSONS)
    first, then = course.lesson_ids[:10], course.lesson_ids[10:]
    live = Device(pupil.person, pupil.enrollment_id, cursor=1)
    async with following(live):
        await pupil.finish(first)
        await eventually(partial(ledger.settled, system))
        await eventually(partial(arrived, [live], 11))
        await asyncio.to_thread(system.stop, "valkey")
        shutil.rmtree(system.folder.valkey / "appendonlydir")
        await asyncio.to_thread(system.start, "valkey")
        back = time.monotonic()
        await pupil.finish(then)
        await eventually(partial(_is_refilled, system), within=30)
        refilled = time.monotonic() - back
        await eventually(partial(ledger.settled, system), within=30)
        await eventually(partial(arrived, [live], LESSONS + 2), within=30)

    late = Device(pupil.person, pupil.enrollment_id, cursor=1)
    async with following(late):
        await eventually(partial(arrived, [late], LESSONS + 2))

    assert not pupil.failures
    assert await ledger.balance(system, course.id, [pupil]) == ledger.NOTHING
    assert live.seen == late.seen == list(range(2, LESSONS + 3))
    assert (live.resyncs, late.resyncs) == (0, 0)
    async with opened(system) as valkey:
        groups = await valkey.xinfo_groups(topic_stream("learning"))
        events = await valkey.xlen(topic_stream("learning"))
    assert [group["name"] for group in groups] == ["courses"]
    figure("R13", events=events, refilled=round(refilled, 2))


async def _is_refilled(system: Stack) -> bool:
    """Every event of the last days is in the stream again."""
    async with opened(system) as valkey, ledger.connected(system, "learning") as learning:
        published: int = await learning.fetchval("SELECT count(*) FROM outbox")
        return bool(await valkey.xlen(topic_stream("learning")) >= published)
