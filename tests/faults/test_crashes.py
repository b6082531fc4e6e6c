"""A process that dies at the worst moment: before the commit, before or after it has published."""

import asyncio
import time
from functools import partial

import pytest

from infra.stack import Stack
from subgraphs.kernel.bus import topic_stream
from tests.faults import ledger
from tests.faults.crowd import newcomer
from tests.faults.device import Device, arrived, following
from tests.faults.figures import Figure
from tests.faults.streams import opened
from tests.support.api import eventually
from tests.support.campus import Campus


async def test_a_crash_before_the_commit_leaves_neither_state_nor_event(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, lessons=2)
    armed = {"POLYNODE_FAILPOINTS": "outbox.written=1"}
    await asyncio.to_thread(system.restart, "learning", armed)
    try:
        assert not await pupil.attempt(course.lesson_ids[0])
        async with ledger.connected(system, "learning") as learning:
            events = await learning.fetch(_EVENTS, pupil.enrollment_id)
            progress = await learning.fetch(_LOG, pupil.enrollment_id)
    finally:
        await asyncio.to_thread(system.restart, "learning")

    assert pupil.failures == {"SERVICE_UNAVAILABLE": 1}
    assert [row["type"] for row in events] == ["learning.enrollment_created"]
    assert [row["kind"] for row in progress] == ["ENROLLED"]
    await pupil.finish(course.lesson_ids)
    await eventually(partial(ledger.settled, system))
    assert await ledger.balance(system, course.id, [pupil]) == ledger.NOTHING
    figure("R8", state=0, events=0)


@pytest.mark.parametrize(
    ("row", "failpoint", "copies"),
    [("R9", "relay.read", 1), ("R10", "relay.sent", 2), ("R11", "inbox.handled", 1)],
)
async def test_a_crash_of_the_worker_costs_time_and_nothing_else(
    system: Stack, campus: Campus, figure: Figure, *, row: str, failpoint: str, copies: int
) -> None:
    pupil, course = await newcomer(campus, lessons=1)
    await eventually(partial(ledger.settled, system))
    device = Device(pupil.person, pupil.enrollment_id, cursor=1)
    async with opened(system) as valkey:
        [(before_it, _)] = await valkey.xrevrange(topic_stream("learning"), count=1)
    async with following(device):
        armed = {"POLYNODE_FAILPOINTS": f"{failpoint}=1"}
        await asyncio.to_thread(system.restart, "worker", armed)
        before = system.pid("worker")
        await pupil.finish(course.lesson_ids)
        await eventually(partial(_is_gone, system, before))
        died = time.monotonic()
        await asyncio.to_thread(system.restart, "worker")
        started = time.monotonic()
        await eventually(partial(ledger.settled, system), within=30)
        await eventually(partial(arrived, [device], 3))
        ended = time.monotonic()

    assert await ledger.balance(system, course.id, [pupil]) == ledger.NOTHING
    assert device.seen == [2, 3]
    async with opened(system) as valkey:
        sent = await valkey.xrange(topic_stream("learning"), min=f"({before_it}")
    told = [fields for _, fields in sent if pupil.enrollment_id in fields["envelope"]]
    assert len(told) >= 2 * copies  # a lesson and the course, as often as they were sent
    figure(
        row,
        seconds_since_death=round(ended - died, 2),
        seconds_since_ready=round(ended - started, 2),
        copies=len(told),
    )


async def _is_gone(system: Stack, pid: int) -> bool:
    rows = await asyncio.to_thread(system.status)
    return bool(rows["worker"]["pid"] != pid)


_EVENTS = "SELECT type FROM outbox WHERE aggregate_id = $1"
_LOG = "SELECT kind FROM progress_events WHERE enrollment_id = $1"
