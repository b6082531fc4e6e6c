"""The consumer of events is killed, again and again, in the middle of handling one."""

import asyncio
import random
import time
from functools import partial
from typing import Any

import pytest

from infra.stack import Stack
from tests.faults import ledger
from tests.faults.crowd import Pupil, enrol
from tests.faults.figures import Figure, percentile
from tests.faults.scale import FULL
from tests.support.api import eventually
from tests.support.campus import Campus

KILLS = 100 if FULL else 3
SEED = 20_260_730
PUPILS = 4


@pytest.mark.timeout(1_800 if FULL else 300)
async def test_a_consumer_killed_in_the_middle_of_an_event_gives_it_its_effect_once(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    _, course = await campus.course(lessons=KILLS)
    pupils = await enrol(campus, course, PUPILS)
    await eventually(partial(ledger.settled, system))
    chance = random.Random(SEED)  # noqa: S311, no secret
    waited = []
    async with ledger.connected(system, "courses") as courses:
        for number, lesson_id in enumerate(course.lesson_ids, start=1):
            # Some are handled before the one that is cut short, and some were to come after it.
            chance.shuffle(pupils)
            killed = await _kill_within(system, courses, pupils, chance.choice(pupils), lesson_id)
            await asyncio.to_thread(system.restart, "worker")  # the supervisor would take its time
            await eventually(partial(_have_effect, courses, pupils, number), within=60)
            waited.append(time.monotonic() - killed)
    await eventually(partial(ledger.settled, system))

    assert [pupil.failures.total() for pupil in pupils] == [0] * PUPILS
    assert await ledger.balance(system, course.id, pupils) == ledger.NOTHING
    figure(
        "R11",
        kills=len(waited),
        p50=round(percentile(waited, 0.5), 2),
        p99=round(percentile(waited, 0.99), 2),
    )


async def _kill_within(
    system: Stack, courses: Any, pupils: list[Pupil], held: Pupil, lesson_id: str
) -> float:
    """Have all of them complete a lesson; kill whoever handles that of `held`; tell when."""
    async with ledger.connected(system, "courses") as holder, holder.transaction():
        await holder.execute(_HOLD, held.enrollment_id)
        for pupil in pupils:
            await pupil.finish([lesson_id])
        await eventually(partial(_is_handling, courses))
        system.kill("worker")
        return time.monotonic()


async def _is_handling(courses: Any) -> bool:
    """A handler waits for the row that is held."""
    return bool(await courses.fetchval(_HANDLING) > 0)


async def _have_effect(courses: Any, pupils: list[Pupil], lessons: int) -> bool:
    """Courses has heard of so many lessons that each of them has completed."""
    known = await courses.fetch(_COMPLETED, [pupil.enrollment_id for pupil in pupils])
    return [row["count"] for row in known] == [lessons] * PUPILS


_HOLD = "SELECT FROM entitlements WHERE enrollment_id = $1 FOR UPDATE"
_HANDLING = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND pid <> pg_backend_pid() AND wait_event_type = 'Lock' AND wait_event <> 'advisory'"""
_COMPLETED = """SELECT cardinality(completed_lesson_ids) AS count FROM entitlements
WHERE enrollment_id = ANY($1::uuid[])"""
