"""A hundred thousand events wait to be sent: they are, and what happens now overtakes them."""

import asyncio
import time
from functools import partial

import pytest

from infra.stack import Stack
from subgraphs.kernel.bus import topic_stream
from tests.faults import ledger
from tests.faults.crowd import Pupil, newcomer
from tests.faults.device import Device, arrived, following
from tests.faults.figures import Figure, percentile
from tests.faults.streams import opened
from tests.support.api import eventually
from tests.support.campus import Campus

BACKLOG = 100_000
LESSONS = 20
DRAIN_SECONDS = 300
GROUP = "courses"


@pytest.mark.timeout(900)
async def test_a_long_backlog_drains_and_live_events_overtake_it(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, LESSONS)
    await eventually(partial(ledger.settled, system))
    device = Device(pupil.person, pupil.enrollment_id, cursor=1)
    await asyncio.to_thread(system.stop, "worker")
    async with ledger.connected(system, "learning") as learning:
        await learning.execute(_PILE_UP)
    try:
        async with following(device):
            await asyncio.to_thread(system.start, "worker")
            started = time.monotonic()
            live = [await _hear(pupil, lesson_id, device) for lesson_id in course.lesson_ids]
            left = await ledger.waiting(system)
            await eventually(partial(_is_sent, system), within=DRAIN_SECONDS)
            drained = time.monotonic() - started
            await eventually(partial(arrived, [device], LESSONS + 2))
        await eventually(partial(_is_read, system), within=DRAIN_SECONDS)
        read = time.monotonic() - started
    finally:
        async with ledger.connected(system, "learning") as learning:
            await learning.execute("DELETE FROM outbox WHERE type = 'learning.piled_up'")

    await eventually(partial(ledger.settled, system))
    assert await ledger.balance(system, course.id, [pupil]) == ledger.NOTHING
    assert device.seen == list(range(2, LESSONS + 3))
    assert left > 0  # all that was live has overtaken these
    assert max(live) < drained / 3
    figure(
        "R15",
        drained=round(drained, 1),
        read=round(read, 1),
        left_after_live=left,
        live_p50=round(percentile(live, 0.5), 3),
        live_worst=round(max(live), 3),
    )


async def _hear(pupil: Pupil, lesson_id: str, device: Device) -> float:
    """Complete a lesson; the seconds until the device has heard."""
    await pupil.finish([lesson_id])
    answered = time.monotonic()
    await eventually(partial(arrived, [device], len(pupil.complete) + 1), within=DRAIN_SECONDS)
    return time.monotonic() - answered


async def _is_sent(system: Stack) -> bool:
    return not await ledger.waiting(system)


async def _is_read(system: Stack) -> bool:
    """Courses has gone through all of it, so that nobody after this test waits behind it."""
    async with opened(system) as valkey:
        groups = await valkey.xinfo_groups(topic_stream("learning"))
    [group] = [group for group in groups if group["name"] == GROUP]
    return (group["lag"], group["pending"]) == (0, 0)


# Of a hundred enrollments that nobody follows, and of a type that nobody consumes.
_PILE_UP = f"""INSERT INTO outbox (topic, type, version, aggregate_id, aggregate_seq, data)
SELECT 'learning', 'learning.piled_up', 1, whose.id, seq, '{{"note": "an event of common length"}}'
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {BACKLOG // 1_000})) AS whose,
generate_series(1, 1000) AS seq"""  # noqa: S608, our own number
