"""Progress that arrives live (F24), once and in order after any interruption (B3, R33, A30)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest

from subgraphs.kernel.background import background
from subgraphs.kernel.bus import LISTENERS, Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.relay import leadership, send_batch
from tests.learning.people import Person
from tests.learning.school import Course, School

Arrive = Callable[..., Person]


async def send_all(db: Database, bus: Bus) -> None:
    async with leadership(db.engine, "test") as connection:
        while await send_batch(connection, bus):
            pass


@asynccontextmanager
async def live(bus: Bus) -> AsyncIterator[None]:
    """Fan out what arrives for as long as the block lasts, as a server does."""

    async def follow() -> None:
        await bus.follow(["learning"])

    await bus.take_positions(["learning"])
    async with background(follow):
        yield


async def take(stream: AsyncGenerator[Any, None], count: int) -> list[Any]:
    return [await anext(stream) for _ in range(count)]


async def until_listening() -> None:
    while not LISTENERS.labels("learning")._value.get():  # noqa: ASYNC110, nothing tells of it
        await asyncio.sleep(0.001)


def cursors(events: list[Any]) -> list[int]:
    return [int(event["cursor"]) for event in events]


@pytest.fixture
async def course(school: School) -> Course:
    return await school.publish(4)


@pytest.fixture
async def enrollment_id(course: Course, learner: Person) -> UUID:
    return await learner.enrolled(course.id)


async def test_it_resumes_after_its_cursor_without_gap_or_repetition(
    learner: Person, course: Course, enrollment_id: UUID, db: Database, bus: Bus
) -> None:
    one, two, three, four = course.lesson_ids
    await learner.complete(enrollment_id, one)
    await send_all(db, bus)
    async with aclosing(learner.follow(enrollment_id, after="0")) as stream:
        seen = await take(stream, 2)

    await learner.complete(enrollment_id, two)
    await learner.uncomplete(enrollment_id, two)
    await send_all(db, bus)
    last = seen[-1]["cursor"]
    async with live(bus), aclosing(learner.follow(enrollment_id, after=last)) as stream:
        seen += await take(stream, 2)  # missed while away
        await learner.complete(enrollment_id, three)
        await send_all(db, bus)
        seen += await take(stream, 1)  # live
        await learner.complete(enrollment_id, two)
        await learner.complete(enrollment_id, four)
        await send_all(db, bus)
        seen += await take(stream, 3)

    assert cursors(seen) == list(range(1, 9))
    assert not any(event["resync"] for event in seen)
    lessons = [None, one, two, two, three, two, four, None]
    assert [event["lessonId"] for event in seen] == [id and str(id) for id in lessons]
    assert seen[-1]["enrollment"] == {"percentComplete": 100, "status": "COMPLETED"}


async def test_without_a_cursor_it_begins_with_what_comes(
    learner: Person, course: Course, enrollment_id: UUID, db: Database, bus: Bus
) -> None:
    await learner.complete(enrollment_id, course.lesson_ids[0])
    async with live(bus), aclosing(learner.follow(enrollment_id)) as stream:
        listening = asyncio.create_task(take(stream, 1))
        await until_listening()
        await learner.complete(enrollment_id, course.lesson_ids[1])
        await send_all(db, bus)
        [event] = await listening

    assert event == {
        "cursor": "3",
        "resync": False,
        "lessonId": str(course.lesson_ids[1]),
        "enrollment": {"percentComplete": 50, "status": "ACTIVE"},
    }


async def test_a_cursor_older_than_what_is_kept_resynchronises_first(
    learner: Person, course: Course, enrollment_id: UUID, db: Database, bus: Bus
) -> None:
    one, two, three, _ = course.lesson_ids
    await learner.complete(enrollment_id, one)
    await send_all(db, bus)
    await learner.complete(enrollment_id, two)
    await send_all(db, bus)
    await bus.valkey.flushall()

    async with live(bus), aclosing(learner.follow(enrollment_id, after="1")) as stream:
        [stale] = await take(stream, 1)
        await learner.complete(enrollment_id, three)
        await send_all(db, bus)
        [fresh] = await take(stream, 1)

    assert stale == {
        "cursor": "3",
        "resync": True,
        "lessonId": None,
        "enrollment": {"percentComplete": 50, "status": "ACTIVE"},
    }
    assert (fresh["cursor"], fresh["resync"]) == ("4", False)
    assert fresh["lessonId"] == str(three)


@pytest.mark.parametrize("after", ["", "x", "-1", "1.5", "٣", " 1", "9" * 30, "2", "1-0"])
async def test_a_cursor_that_is_not_one_is_refused_before_anything_streams(
    learner: Person, enrollment_id: UUID, after: str
) -> None:
    heard = [event async for event in learner.follow(enrollment_id, after=after)]

    assert heard == ["INVALID_CURSOR"]


async def test_only_who_may_see_an_enrollment_follows_it(
    learner: Person, course: Course, enrollment_id: UUID, arrive: Arrive
) -> None:
    here = course.organization_id
    refused = [
        (arrive(), enrollment_id, "ENROLLMENT_NOT_FOUND"),
        (arrive(roles={here: "student"}), enrollment_id, "ENROLLMENT_NOT_FOUND"),
        (arrive(roles={uuid4(): "admin"}), enrollment_id, "ENROLLMENT_NOT_FOUND"),
        (arrive(user_id=None), enrollment_id, "UNAUTHENTICATED"),
        (learner, uuid4(), "ENROLLMENT_NOT_FOUND"),
    ]
    for person, id, code in refused:
        assert [event async for event in person.follow(id, after="0")] == [code]


async def test_leaving_ends_the_stream_but_not_that_of_the_instructor(
    learner: Person, course: Course, enrollment_id: UUID, arrive: Arrive, bus: Bus
) -> None:
    db = learner.db
    instructor = arrive(roles={course.organization_id: "instructor"})
    own = learner.follow(enrollment_id, after="0")
    watched = instructor.follow(enrollment_id, after="0")
    await send_all(db, bus)
    async with live(bus), aclosing(own), aclosing(watched):
        await take(own, 1)
        await take(watched, 1)
        await learner.unenroll(enrollment_id)
        await send_all(db, bus)

        assert [event async for event in own] == []
        [ended] = await take(watched, 1)
        assert ended["enrollment"]["status"] == "REVOKED"


async def test_nothing_is_held_between_two_events(
    learner: Person, enrollment_id: UUID, db: Database, bus: Bus
) -> None:
    await send_all(db, bus)
    async with aclosing(learner.follow(enrollment_id, after="0")) as stream:
        await take(stream, 1)

        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
