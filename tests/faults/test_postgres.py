"""Postgres goes away under load, has no connection left, or is asked for two things at once."""

import asyncio
import signal
import time
from collections import Counter
from functools import partial
from typing import Any

from infra.stack import Stack
from tests.faults import ledger
from tests.faults.crowd import COMPLETE, enrol, newcomer
from tests.faults.figures import Figure
from tests.support.api import Api, eventually
from tests.support.campus import Campus
from tests.support.intruder import database

LEARNERS, LESSONS = 6, 30
SHED_SECONDS = 1.0
"""How long a request waits for a connection."""
ANSWER_SECONDS = 0.25
"""What the way there and back adds at best."""
SLACK_SECONDS = 1.5
"""What a loaded machine adds at worst."""
PATIENCE = "SET deadlock_timeout = '8s'"
"""Of who is to win a deadlock: the other one looks for it sooner, and gives way."""
ENROLLMENT = "query ($id: UUID!) { enrollment(id: $id) { percentComplete } }"


async def test_postgres_restarts_at_once_and_no_acknowledged_row_is_lost(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    _, course = await campus.course(lessons=LESSONS)
    pupils = await enrol(campus, course, LEARNERS)
    finishing = [asyncio.create_task(pupil.finish(course.lesson_ids)) for pupil in pupils]

    async def reached(count: int) -> bool:
        return sum(len(pupil.complete) for pupil in pupils) >= count

    await eventually(partial(reached, LEARNERS * 5))
    before = sum(len(pupil.complete) for pupil in pupils)
    system.kill("postgres", signal.SIGQUIT)  # as `pg_ctl stop -m immediate` does
    killed = time.monotonic()
    await eventually(partial(reached, before + LEARNERS + 1), within=30)
    recovered = time.monotonic() - killed
    await asyncio.gather(*finishing)
    await eventually(partial(ledger.settled, system), within=30)

    failures = sum((pupil.failures for pupil in pupils), Counter[str]())
    assert await ledger.balance(system, course.id, pupils) == ledger.NOTHING
    assert set(failures) == {"SERVICE_UNAVAILABLE"}  # somebody met the outage, and nothing else
    figure("R23", failures=failures.total(), recovered=round(recovered, 2), lost=0)


async def test_without_a_free_connection_requests_are_shed_not_queued(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    _, course = await campus.course(lessons=1)
    one, two = await enrol(campus, course, 2)
    await asyncio.to_thread(system.restart, "learning", {"POLYNODE_POOL_SIZE": "2"})
    try:
        async with (
            ledger.connected(system, "learning") as holder,
            ledger.connected(system, "learning") as watcher,
        ):
            async with holder.transaction():
                await holder.execute(_HOLD, [one.enrollment_id, two.enrollment_id])
                stuck = [
                    asyncio.create_task(pupil.finish(course.lesson_ids)) for pupil in (one, two)
                ]
                await eventually(partial(_are_stuck, watcher, 2))
                shed = await asyncio.gather(
                    *(_ask(one.person, one.enrollment_id) for _ in range(10))
                )
            await asyncio.gather(*stuck)
        after = await _ask(one.person, one.enrollment_id)
    finally:
        await asyncio.to_thread(system.restart, "learning")

    assert [code for _, code in shed] == ["SERVICE_UNAVAILABLE"] * 10
    waited = [seconds for seconds, _ in shed]
    assert min(waited) < SHED_SECONDS + ANSWER_SECONDS
    assert max(waited) < SHED_SECONDS + SLACK_SECONDS
    assert after[1] is None
    assert not one.failures
    figure("R25", shed=len(shed), fastest=round(min(waited), 3), worst=round(max(waited), 3))


async def _are_stuck(watcher: Any, count: int) -> bool:
    return bool(await watcher.fetchval(_STUCK) == count)


async def _ask(learner: Api, enrollment_id: str) -> tuple[float, str | None]:
    """The seconds until the answer, and its error."""
    started = time.monotonic()
    response = await learner.post({"query": ENROLLMENT, "variables": {"id": enrollment_id}})
    errors = response.json().get("errors", [])
    code = errors[0]["extensions"]["code"] if errors else None
    return time.monotonic() - started, code


async def test_what_is_asked_twenty_times_at_once_happens_once(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, lessons=1)
    [lesson_id] = course.lesson_ids
    variables = {"input": {"enrollmentId": pupil.enrollment_id, "lessonId": lesson_id}}
    body = {"query": COMPLETE, "variables": variables}
    responses = await asyncio.gather(*(pupil.person.post(body) for _ in range(20)))
    completions = [response.json()["data"]["completeLesson"] for response in responses]
    pupil.complete.append(lesson_id)

    newcomers = [await campus.person() for _ in range(2)]
    enrolments = await asyncio.gather(
        *(person.do("enroll", courseId=course.id) for person in newcomers for _ in range(10))
    )
    await eventually(partial(ledger.settled, system))

    assert completions == [{"__typename": "CompleteLessonSuccess"}] * 20
    outcomes = Counter(answer["__typename"] for answer in enrolments)
    assert outcomes == {"EnrollSuccess": 2, "AlreadyEnrolledError": 18}
    found = await ledger.balance(system, course.id, [pupil])
    assert (found.doubled, found.lost, found.unnumbered) == (0, 0, 0)
    async with ledger.connected(system, "learning") as learning:
        assert await learning.fetchval(_ENROLLED, course.id) == 3
    assert await ledger.drift(system) == ""
    figure("at once", asked=20, effects=1, failures=0)


async def test_who_loses_a_deadlock_is_tried_again_and_takes_effect_once(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, lessons=1)
    async with (
        database(system, "learning", admin=True) as rival,
        ledger.connected(system, "learning") as watcher,
    ):
        await rival.execute(PATIENCE)
        async with rival.transaction():
            await rival.execute(_HOLD_COURSE, course.id)
            started = time.monotonic()
            leaving = asyncio.create_task(
                pupil.person.do("unenroll", enrollmentId=pupil.enrollment_id)
            )
            await eventually(partial(_are_stuck, watcher, 1))  # it has its row and wants the course
            # The other way round: one of the two has to give way, and it is not this one.
            await rival.execute(_HOLD, [pupil.enrollment_id])
            gave_way = time.monotonic() - started
            assert not leaving.done()
        answer = await leaving
        recovered = time.monotonic() - started
        events = [row["type"] for row in await watcher.fetch(_TOLD, pupil.enrollment_id)]
        kinds = [row["kind"] for row in await watcher.fetch(_LOG, pupil.enrollment_id)]
        enrolled = await watcher.fetchval(_ENROLLED, course.id)
        await eventually(partial(_has_counted, watcher))
    await eventually(partial(ledger.settled, system))

    assert answer == {"__typename": "UnenrollSuccess"}
    assert events == ["learning.enrollment_created", "learning.enrollment_revoked"]
    assert kinds == ["ENROLLED", "UNENROLLED"]
    assert enrolled == 0
    figure("R26", deadlocks=1, effects=1, gave_way=round(gave_way, 2), answer=round(recovered, 2))


async def _has_counted(watcher: Any) -> bool:
    """Postgres counts the deadlock, a moment after it has ended it."""
    return bool(await watcher.fetchval(_DEADLOCKS) > 0)


_HOLD = "SELECT FROM enrollments WHERE id = ANY($1::uuid[]) FOR UPDATE"
_STUCK = """SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'polynode-learning' AND wait_event_type = 'Lock'
AND wait_event <> 'advisory'"""
_HOLD_COURSE = "SELECT FROM courses WHERE course_id = $1 FOR UPDATE"
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_TOLD = "SELECT type FROM outbox WHERE aggregate_id = $1 ORDER BY aggregate_seq"
_LOG = "SELECT kind FROM progress_events WHERE enrollment_id = $1 ORDER BY seq"
_ENROLLED = "SELECT enrollment_count FROM courses WHERE course_id = $1"
