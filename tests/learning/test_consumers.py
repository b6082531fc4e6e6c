"""What courses and users tell, in whatever order it comes."""

from collections.abc import Callable
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest

from tests.learning.people import Person
from tests.learning.school import Course, School, joined, left, lesson, registered, renamed

KEPT = """SELECT version_number, title, visibility, is_free, sequential, archived, seq,
  enrollment_count FROM courses"""


async def test_the_newest_version_and_settings_win_in_any_order(school: School) -> None:
    for order in permutations(range(3)):
        course = Course(lessons=[lesson(), lesson()])
        shared, dropped = course.lessons
        told = [course.published(), course.next_version([shared, lesson(is_preview=True)])]
        course.is_free, course.sequential = False, True
        told += [course.published(), course.archived()]

        await school.tell(*[told[place] for place in order], told[3])

        kept = await school.rows(f"{KEPT} WHERE course_id = :id", id=course.id)
        assert kept == [(2, "Version 2", "public", False, True, True, 4, 0)], order
        known = "SELECT lesson_id FROM lessons WHERE course_id = :id"
        assert len(await school.rows(known, id=course.id)) == 3
        numbers = "SELECT number FROM course_versions WHERE course_id = :id ORDER BY number"
        assert await school.rows(numbers, id=course.id) == [(1,), (2,)]
        assert dropped.id not in course.lesson_ids


async def test_an_archive_that_comes_early_is_not_undone_by_older_news(school: School) -> None:
    course = Course(lessons=[lesson()])
    first, second, end = course.published(), course.next_version([lesson()]), course.archived()

    await school.tell(first, end, second)

    assert (await school.rows(KEPT))[0][:6] == (2, "Version 1", "public", True, False, True)


async def test_hearing_the_same_twice_changes_nothing(school: School, learner: Person) -> None:
    course = Course(lessons=[lesson()])
    told = course.published()
    await school.tell(told)
    await learner.enrolled(course.id)
    before = await school.everything()

    await school.tell(told)
    await school.tell(told.model_copy(update={"id": uuid4()}))

    assert await school.everything() == before
    assert await school.value("SELECT enrollment_count FROM courses") == 1


async def test_an_archive_that_comes_first_waits_for_the_course(
    school: School, learner: Person
) -> None:
    course = Course(lessons=[lesson()])
    published, archived = course.published(), course.archived()

    await school.deliver(archived)
    assert await school.rows(KEPT) == []
    await school.deliver(published)
    await school.retry()

    assert (await school.rows(KEPT))[0][5] is True
    assert (await learner.enroll(course.id))["code"] == "COURSE_NOT_FOUND"


async def test_an_enrollment_stays_on_its_version(school: School, learner: Person) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)
    old = course.lesson_ids
    await school.tell(course.next_version([lesson()]), course.archived())

    answers = [await learner.complete(enrollment_id, id) for id in old]

    assert answers[-1]["courseCompleted"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_newest_name_of_a_person_wins(school: School, order: tuple[int, ...]) -> None:
    user_id = uuid4()
    told: list[Any] = [registered(user_id, "Ada"), renamed(user_id, "Ada King")]
    told.append(renamed(user_id, "Ada Lovelace", seq=3))

    await school.tell(*[told[place] for place in order])

    assert await school.rows("SELECT user_id, name FROM learners") == [(user_id, "Ada Lovelace")]


async def test_an_empty_course_is_never_complete(school: School, learner: Person) -> None:
    course = await school.publish(0)

    answer = await learner.enroll(course.id)

    assert answer["enrollment"]["percentComplete"] == 0
    assert answer["enrollment"]["status"] == "ACTIVE"
    assert answer["enrollment"]["nextLesson"] is None


async def test_who_leaves_an_organization_leaves_its_private_courses(
    school: School, arrive: Callable[..., Person]
) -> None:
    organization_id = uuid4()
    private = await school.publish(organization_id=organization_id, visibility="private")
    public = await school.publish(organization_id=organization_id)
    elsewhere = await school.publish(visibility="private")
    member = arrive(roles={organization_id: "student", elsewhere.organization_id: "student"})
    inside = await member.enrolled(private.id)
    others = [await member.enrolled(public.id), await member.enrolled(elsewhere.id)]
    await member.complete(inside, private.lesson_ids[0])

    await school.tell(left(organization_id, member.id))

    former = arrive(user_id=member.id)
    assert await former.entity("Enrollment", inside, "status") is None
    for enrollment_id in others:
        assert await former.entity("Enrollment", enrollment_id, "status") == {"status": "ACTIVE"}
    assert await school.log(inside) == ["ENROLLED", "LESSON_COMPLETED", "UNENROLLED"]
    assert (await school.told(inside))[-1] == (3, "enrollment_revoked")
    query = "SELECT enrollment_count FROM courses WHERE course_id = :id"
    assert await school.value(query, id=private.id) == 0

    await school.tell(joined(organization_id, member.id, seq=3))
    again = await member.enroll(private.id)
    assert again["enrollment"]["percentComplete"] == 50


async def test_news_of_a_membership_that_come_late_end_nothing(
    school: School, arrive: Callable[..., Person]
) -> None:
    course = await school.publish(visibility="private")
    member = arrive(roles={course.organization_id: "student"})
    enrollment_id = await member.enrolled(course.id)

    await school.tell(
        joined(course.organization_id, member.id, seq=3),
        left(course.organization_id, member.id, seq=2),
    )

    assert await school.log(enrollment_id) == ["ENROLLED"]
