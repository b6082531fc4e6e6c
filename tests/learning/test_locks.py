"""Which lessons are open (F27): what a page shows is what a mutation decides."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.learning.people import Person
from tests.learning.school import Course, School, lesson

Arrive = Callable[..., Person]
Unchanged = Callable[[], AbstractAsyncContextManager[None]]
LOCK = "locked lockReason releasedAt viewerProgress { completedAt }"
OPEN = {"locked": False, "lockReason": None, "releasedAt": None}


async def reasons(person: Person, course: Course) -> list[str | None]:
    """Why each lesson is locked, by the course page; and whether it agrees with itself."""
    shown = await person.entities("Lesson", course.lesson_ids, LOCK)
    assert [it["locked"] for it in shown] == [it["lockReason"] is not None for it in shown]
    return [it["lockReason"] for it in shown]


async def refusal(person: Person, enrollment_id: UUID, lesson_id: UUID) -> str | None:
    """Why a lesson cannot be completed."""
    answer = await person.complete(enrollment_id, lesson_id)
    if answer["__typename"] == "CompleteLessonSuccess":
        return None
    assert answer["code"] == "LESSON_LOCKED"
    return str(answer["lockReason"])


async def test_a_sequential_course_opens_lesson_by_lesson(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    course = await school.publish(3, sequential=True)
    enrollment_id = await learner.enrolled(course.id)
    one, two, three = course.lesson_ids
    locked = "PREREQUISITE"

    assert await reasons(learner, course) == [None, locked, locked]
    async with unchanged():
        assert await refusal(learner, enrollment_id, two) == locked
    await learner.complete(enrollment_id, one)
    assert await reasons(learner, course) == [None, None, locked]
    async with unchanged():
        assert await refusal(learner, enrollment_id, three) == locked
    answer = await learner.complete(enrollment_id, two)
    assert answer["enrollment"]["nextLesson"] == {"id": str(three)}
    # A completed lesson stays open when one before it is taken back.
    await learner.uncomplete(enrollment_id, one)
    assert await reasons(learner, course) == [None, None, locked]


async def test_lessons_may_wait_for_certain_others(school: School, learner: Person) -> None:
    one, two = lesson(), lesson()
    gone = uuid4()
    last = lesson(prerequisite_lesson_ids=[one.id, two.id, gone])
    course = await school.publish([last, one, two])
    enrollment_id = await learner.enrolled(course.id)

    await learner.complete(enrollment_id, two.id)
    assert await reasons(learner, course) == ["PREREQUISITE", None, None]
    assert await refusal(learner, enrollment_id, last.id) == "PREREQUISITE"
    await learner.complete(enrollment_id, one.id)

    assert await refusal(learner, enrollment_id, last.id) is None


async def test_a_lesson_opens_to_the_day_after_the_enrolment(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    soon, now = lesson(release_after_days=8), lesson(release_after_days=7)
    course = await school.publish([soon, now])
    enrollment_id = await school.remember(learner.id, course, days=7.0001)

    assert await reasons(learner, course) == ["NOT_RELEASED", None]
    async with unchanged():
        assert await refusal(learner, enrollment_id, soon.id) == "NOT_RELEASED"
    assert await refusal(learner, enrollment_id, now.id) is None
    query = "query ($id: UUID!) { enrollment(id: $id) { nextLesson { id } enrolledAt } }"
    shown = (await learner.send(query, id=str(enrollment_id)))["enrollment"]
    assert shown["nextLesson"] is None
    release = datetime.fromisoformat(shown["enrolledAt"]) + timedelta(days=8)
    assert await learner.entity("Lesson", soon.id, "releasedAt") == {
        "releasedAt": release.isoformat()
    }


async def test_time_comes_before_prerequisites(school: School, learner: Person) -> None:
    first = lesson()
    course = await school.publish(
        [first, lesson(release_after_days=1, prerequisite_lesson_ids=[first.id])]
    )
    await learner.enrolled(course.id)

    assert await reasons(learner, course) == [None, "NOT_RELEASED"]


async def test_previews_are_open_to_all_but_completing_needs_an_enrollment(
    school: School, learner: Person, arrive: Arrive, unchanged: Unchanged
) -> None:
    preview = lesson(is_preview=True, release_after_days=30)
    course = await school.publish([lesson(), preview], sequential=True)
    anyone = arrive(user_id=None)
    enrollment_id = await learner.enrolled(course.id)

    for visitor in (anyone, arrive()):
        assert await reasons(visitor, course) == ["NOT_ENROLLED", None]
        async with unchanged():
            assert (await visitor.complete(enrollment_id, preview.id))["code"] in (
                "UNAUTHENTICATED",
                "ENROLLMENT_NOT_FOUND",
            )
    assert await reasons(learner, course) == [None, None]
    assert await refusal(learner, enrollment_id, preview.id) is None


async def test_a_lesson_of_a_version_that_one_is_not_on_is_locked(
    school: School, learner: Person
) -> None:
    course = await school.publish(1)
    enrollment_id = await learner.enrolled(course.id)
    [old] = course.lessons
    await school.tell(course.next_version([old, lesson()]))

    assert await reasons(learner, course) == [None, "NOT_ENROLLED"]
    await learner.move(enrollment_id)
    assert await reasons(learner, course) == [None, None]


async def test_what_one_may_not_see_looks_like_what_does_not_exist(
    school: School, arrive: Arrive
) -> None:
    private = await school.publish([lesson(is_preview=True)], visibility="private")
    stranger, member = arrive(), arrive(roles={private.organization_id: "student"})

    [hidden] = await stranger.entities("Lesson", private.lesson_ids, LOCK)
    [unknown] = await stranger.entities("Lesson", [uuid4()], LOCK)

    assert hidden == unknown
    assert hidden["lockReason"] == "NOT_ENROLLED"
    assert await reasons(member, private) == [None]


async def test_progress_in_a_lesson_is_ones_own(
    school: School, learner: Person, arrive: Arrive
) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)
    await learner.complete(enrollment_id, course.lesson_ids[0])

    async def progress(person: Person) -> Any:
        shown = await person.entities("Lesson", course.lesson_ids, LOCK)
        return [it["viewerProgress"] for it in shown]

    [done, open_] = await progress(learner)
    completed_at = datetime.fromisoformat(done["completedAt"])
    assert datetime.now(UTC) - completed_at < timedelta(minutes=1)
    assert open_ == {"completedAt": None}
    instructor = arrive(roles={course.organization_id: "instructor"})
    assert await progress(instructor) == [None, None]
    await learner.unenroll(enrollment_id)
    assert await progress(learner) == [None, None]
