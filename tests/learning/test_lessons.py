"""Lessons done and taken back: exact percentages, right after each (F22, F23, F25)."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID, uuid4

from sqlalchemy import text

from tests.learning.people import Person
from tests.learning.school import School, lesson

Arrive = Callable[..., Person]
Unchanged = Callable[[], AbstractAsyncContextManager[None]]


async def test_percentages_round_down_until_all_is_done(school: School, learner: Person) -> None:
    course = await school.publish(7)
    enrollment_id = await learner.enrolled(course.id)

    answers = [await learner.complete(enrollment_id, id) for id in course.lesson_ids]

    percents = [answer["enrollment"]["percentComplete"] for answer in answers]
    assert percents == [14, 28, 42, 57, 71, 85, 100]
    assert [answer["courseCompleted"] for answer in answers] == [False] * 6 + [True]
    assert [answer["enrollment"]["status"] for answer in answers] == ["ACTIVE"] * 6 + ["COMPLETED"]
    assert answers[5]["enrollment"]["completedAt"] is None
    assert answers[6]["enrollment"]["completedAt"] is not None
    assert answers[6]["enrollment"]["nextLesson"] is None


async def test_a_completion_costs_three_statements(
    school: School, learner: Person, statements: list[str]
) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)

    statements.clear()
    await learner.complete(enrollment_id, course.lesson_ids[0])

    # Hold the row, log and project, tell.
    assert [statement.split()[0] for statement in statements] == ["SELECT", "WITH", "INSERT"]
    statements.clear()
    await learner.complete(enrollment_id, course.lesson_ids[1])
    assert [statement.split()[0] for statement in statements] == ["SELECT", "WITH", "INSERT"]


async def test_the_last_lesson_completes_the_course_and_says_so_once(
    school: School, learner: Person
) -> None:
    course = await school.publish(1)
    enrollment_id = await learner.enrolled(course.id)
    [lesson_id] = course.lesson_ids

    await learner.complete(enrollment_id, lesson_id)
    taken_back = await learner.uncomplete(enrollment_id, lesson_id)
    again = await learner.complete(enrollment_id, lesson_id)

    assert taken_back["enrollment"]["status"] == "ACTIVE"
    assert taken_back["enrollment"]["completedAt"] is None
    assert taken_back["enrollment"]["percentComplete"] == 0
    assert again["enrollment"]["status"] == "COMPLETED"
    assert await school.told(enrollment_id) == [
        (1, "enrollment_created"),
        (2, "lesson_completed"),
        (3, "course_completed"),
        (4, "lesson_uncompleted"),
        (5, "lesson_completed"),
    ]


async def test_repeating_a_mutation_changes_nothing(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)
    done, open_ = course.lesson_ids
    first = await learner.complete(enrollment_id, done)

    async with unchanged():
        assert await learner.complete(enrollment_id, done) == first
        answer = await learner.uncomplete(enrollment_id, open_)

    assert answer["enrollment"]["percentComplete"] == 50


async def test_twenty_equal_requests_at_once_are_one_event(school: School, learner: Person) -> None:
    course = await school.publish(1)
    enrollment_id = await learner.enrolled(course.id)
    [lesson_id] = course.lesson_ids

    first, *others = await asyncio.gather(
        *[learner.complete(enrollment_id, lesson_id) for _ in range(20)]
    )

    assert others == [first] * 19
    assert await school.log(enrollment_id) == ["ENROLLED", "LESSON_COMPLETED", "COURSE_COMPLETED"]


async def test_different_lessons_at_once_lose_none(school: School, learner: Person) -> None:
    course = await school.publish(20)
    enrollment_id = await learner.enrolled(course.id)

    answers = await asyncio.gather(
        *[learner.complete(enrollment_id, id) for id in course.lesson_ids]
    )

    percents = sorted(answer["enrollment"]["percentComplete"] for answer in answers)
    assert percents == list(range(5, 101, 5))
    assert [answer["courseCompleted"] for answer in answers].count(True) == 1
    log = await school.log(enrollment_id)
    assert log == ["ENROLLED"] + ["LESSON_COMPLETED"] * 20 + ["COURSE_COMPLETED"]
    assert [seq for seq, _ in await school.told(enrollment_id)] == list(range(1, 23))


async def test_a_lesson_of_another_course_is_refused(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    course, other = await school.publish(), await school.publish()
    enrollment_id = await learner.enrolled(course.id)

    async with unchanged():
        answers = [
            await learner.complete(enrollment_id, other.lesson_ids[0]),
            await learner.complete(enrollment_id, uuid4()),
            await learner.uncomplete(enrollment_id, other.lesson_ids[0]),
        ]

    assert [answer["code"] for answer in answers] == ["LESSON_NOT_IN_COURSE"] * 3


async def test_an_unknown_or_foreign_enrollment_does_not_exist(
    school: School, learner: Person, arrive: Arrive, unchanged: Unchanged
) -> None:
    course = await school.publish()
    enrollment_id = await learner.enrolled(course.id)
    stranger = arrive(roles={uuid4(): "admin"})

    async with unchanged():
        answers = [
            await stranger.complete(enrollment_id, course.lesson_ids[0]),
            await learner.complete(uuid4(), course.lesson_ids[0]),
            await stranger.move(enrollment_id),
            await stranger.set_deadline(enrollment_id, None),
        ]

    assert [answer["code"] for answer in answers] == ["ENROLLMENT_NOT_FOUND"] * 4


async def test_nobody_learns_for_someone_else(
    school: School, learner: Person, arrive: Arrive, unchanged: Unchanged
) -> None:
    course = await school.publish()
    enrollment_id = await learner.enrolled(course.id)
    people = [
        arrive(roles={course.organization_id: "instructor"}),
        arrive(is_operator=True),
        arrive(user_id=None),
    ]

    async with unchanged():
        answers = [await it.complete(enrollment_id, course.lesson_ids[0]) for it in people]

    assert [it["code"] for it in answers] == ["FORBIDDEN", "FORBIDDEN", "UNAUTHENTICATED"]


async def test_moving_keeps_what_the_new_version_still_has(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    course = await school.publish(4)
    enrollment_id = await learner.enrolled(course.id)
    one, two, three, four = course.lessons
    for kept_or_not in (four, one):
        await learner.complete(enrollment_id, kept_or_not.id)
    await school.tell(course.next_version([two, one, three]))

    before = await learner.complete(enrollment_id, two.id)
    moved = await learner.move(enrollment_id)
    async with unchanged():
        assert await learner.move(enrollment_id) == moved

    assert before["enrollment"]["percentComplete"] == 75
    assert moved["enrollment"]["percentComplete"] == 66
    done = [UUID(it["id"]) for it in moved["enrollment"]["completedLessons"]]
    assert done == [one.id, two.id]
    assert moved["enrollment"]["nextLesson"] == {"id": str(three.id)}
    assert (await school.told(enrollment_id))[-1] == (5, "enrollment_moved")


async def test_moving_may_complete_a_course_and_reopen_it(school: School, learner: Person) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)
    one, two = course.lessons
    await learner.complete(enrollment_id, one.id)
    await school.tell(course.next_version([one]))

    shorter = await learner.move(enrollment_id)
    await school.tell(course.next_version([one, two]))
    longer = await learner.move(enrollment_id)
    done = await learner.complete(enrollment_id, two.id)

    assert shorter["enrollment"]["status"] == "COMPLETED"
    assert longer["enrollment"]["status"] == "ACTIVE"
    assert longer["enrollment"]["completedAt"] is None
    assert done["courseCompleted"]
    # Each version is completed once.
    assert [type_ for _, type_ in await school.told(enrollment_id)].count("course_completed") == 2


async def test_moves_that_come_at_once_all_succeed(school: School, learner: Person) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)
    await school.tell(course.next_version([*course.lessons, lesson()]))
    waiting = """SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database()"""

    async with school.db.begin() as holder, asyncio.TaskGroup() as group:
        await holder.execute(text("SELECT FROM enrollments FOR UPDATE"))
        moves = [group.create_task(learner.move(enrollment_id)) for _ in range(3)]
        while await school.value(waiting) < len(moves):  # noqa: ASYNC110, Postgres tells nobody
            await asyncio.sleep(0.01)
        await holder.rollback()

    assert {move.result()["__typename"] for move in moves} == {"MoveToLatestVersionSuccess"}
    assert await school.log(enrollment_id) == ["ENROLLED", "MOVED"]
