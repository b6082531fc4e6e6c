"""Into a course and out of it (F20), and all the reasons not to."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID, uuid4

import pytest

from subgraphs.kernel.auth import ANONYMOUS
from tests.learning.people import Person
from tests.learning.school import School

Arrive = Callable[..., Person]
Unchanged = Callable[[], AbstractAsyncContextManager[None]]
ENROLL = "mutation ($input: EnrollInput!) { enroll(input: $input) { __typename } }"


async def test_enrolling_begins_at_zero_and_tells_the_others(
    school: School, learner: Person, statements: list[str]
) -> None:
    course = await school.publish(3)
    statements.clear()

    answer = await learner.enroll(course.id)

    assert answer["enrollment"] == {
        "id": answer["enrollment"]["id"],
        "status": "ACTIVE",
        "percentComplete": 0,
        "completedLessonCount": 0,
        "lessonCount": 3,
        "completedAt": None,
        "dueAt": None,
        "isOverdue": False,
        "nextLesson": {"id": str(course.lesson_ids[0])},
        "completedLessons": [],
    }
    # Look, add, log, count, tell.
    assert len(statements) == 5
    assert await school.told(UUID(answer["enrollment"]["id"])) == [(1, "enrollment_created")]


async def test_the_count_of_a_course_is_exact_when_many_enrol_at_once(
    school: School, arrive: Arrive
) -> None:
    course = await school.publish()
    people = [arrive() for _ in range(30)]

    ids = await asyncio.gather(*[person.enrolled(course.id) for person in people])
    await asyncio.gather(*[people[n].unenroll(ids[n]) for n in range(10)])

    assert await people[0].entity("Course", course.id, "enrollmentCount") == {"enrollmentCount": 20}


async def test_enrolling_twice_is_refused(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    course = await school.publish()
    await learner.enroll(course.id)

    async with unchanged():
        answer = await learner.enroll(course.id)

    assert (answer["__typename"], answer["code"]) == ("AlreadyEnrolledError", "ALREADY_ENROLLED")


async def test_a_double_click_enrols_once(school: School, learner: Person) -> None:
    course = await school.publish()

    answers = await asyncio.gather(*[learner.enroll(course.id) for _ in range(20)])

    names = sorted(answer["__typename"] for answer in answers)
    assert names == ["AlreadyEnrolledError"] * 19 + ["EnrollSuccess"]
    assert await school.value("SELECT enrollment_count FROM courses") == 1
    assert await school.value("SELECT count(*) FROM outbox") == 1


async def test_coming_back_at_once_from_two_devices_counts_once(
    school: School, learner: Person
) -> None:
    course = await school.publish()
    await learner.unenroll(await learner.enrolled(course.id))

    answers = await asyncio.gather(*[learner.enroll(course.id) for _ in range(5)])

    names = sorted(answer["__typename"] for answer in answers)
    assert names == ["AlreadyEnrolledError"] * 4 + ["EnrollSuccess"]
    assert await school.value("SELECT enrollment_count FROM courses") == 1


async def test_a_course_nobody_may_enrol_in_does_not_exist(
    school: School, arrive: Arrive, unchanged: Unchanged
) -> None:
    private = await school.publish(visibility="private")
    archived = await school.publish()
    await school.tell(archived.archived())
    stranger = arrive(roles={uuid4(): "admin"})

    async with unchanged():
        answers = [
            await stranger.enroll(course_id) for course_id in (private.id, archived.id, uuid4())
        ]

    assert [answer["code"] for answer in answers] == ["COURSE_NOT_FOUND"] * 3


async def test_members_enrol_in_the_private_courses_of_their_organization(
    school: School, arrive: Arrive
) -> None:
    private = await school.publish(visibility="private")
    member = arrive(roles={private.organization_id: "student"})

    assert (await member.enroll(private.id))["__typename"] == "EnrollSuccess"


async def test_a_course_back_from_the_archive_takes_people_again(
    school: School, learner: Person
) -> None:
    course = await school.publish()
    await school.tell(course.archived(), course.published())

    assert (await learner.enroll(course.id))["__typename"] == "EnrollSuccess"


async def test_a_paid_course_has_to_be_bought(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    course = await school.publish(is_free=False)

    async with unchanged():
        answer = await learner.enroll(course.id)

    assert (answer["__typename"], answer["code"]) == (
        "CoursePaymentRequiredError",
        "COURSE_PAYMENT_REQUIRED",
    )


async def test_other_courses_come_first(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    begun, done = await school.publish(1), await school.publish(1)
    course = await school.publish(prerequisite_course_ids=[begun.id, done.id])
    await learner.enroll(begun.id)
    await learner.complete(await learner.enrolled(done.id), done.lesson_ids[0])

    async with unchanged():
        answer = await learner.enroll(course.id)

    assert answer["__typename"] == "PrerequisiteMissingError"
    assert answer["courseIds"] == [str(begun.id)]


async def test_a_course_once_completed_counts_even_if_taken_back_or_left(
    school: School, learner: Person
) -> None:
    first = await school.publish(1)
    course = await school.publish(prerequisite_course_ids=[first.id])
    enrollment_id = await learner.enrolled(first.id)
    await learner.complete(enrollment_id, first.lesson_ids[0])
    await learner.uncomplete(enrollment_id, first.lesson_ids[0])
    await learner.unenroll(enrollment_id)

    assert (await learner.enroll(course.id))["__typename"] == "EnrollSuccess"


async def test_nobody_and_no_program_enrols(
    school: School, learner: Person, arrive: Arrive, unchanged: Unchanged
) -> None:
    course = await school.publish()
    enrollment_id = await learner.enrolled(course.id)
    anyone = arrive(user_id=None)
    program = arrive(
        roles={course.organization_id: "admin"},
        scopes=frozenset({"learning:read", "learning:write"}),
    )

    async with unchanged():
        answers = [await anyone.enroll(course.id), await program.enroll(course.id)]
        completed = await program.complete(enrollment_id, course.lesson_ids[0])
        moved = await program.move(enrollment_id)

    assert [answer["code"] for answer in answers] == ["UNAUTHENTICATED", "FORBIDDEN"]
    assert completed["code"] == moved["code"] == "FORBIDDEN"
    assert anyone.viewer == ANONYMOUS


@pytest.mark.parametrize("id", ["", "42", "not-a-uuid", "0" * 31])
async def test_a_malformed_id_is_refused_before_any_resolver(
    learner: Person, statements: list[str], id: str
) -> None:
    assert await learner.codes(ENROLL, input={"courseId": id}) == ["BAD_USER_INPUT"]
    assert statements == []


async def test_coming_back_continues_with_all_progress(
    school: School, learner: Person, unchanged: Unchanged
) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)
    await learner.complete(enrollment_id, course.lesson_ids[1])

    left = await learner.unenroll(enrollment_id)
    async with unchanged():
        refused = await learner.complete(enrollment_id, course.lesson_ids[0])
        again = await learner.unenroll(enrollment_id)
    back = await learner.enroll(course.id)

    assert left["enrollment"]["status"] == "REVOKED"
    assert refused["code"] == again["code"] == "ENROLLMENT_NOT_FOUND"
    assert UUID(back["enrollment"]["id"]) == enrollment_id
    assert (back["enrollment"]["status"], back["enrollment"]["percentComplete"]) == ("ACTIVE", 50)
    assert await school.told(enrollment_id) == [
        (1, "enrollment_created"),
        (2, "lesson_completed"),
        (3, "enrollment_revoked"),
        (4, "enrollment_created"),
    ]
    assert await school.value("SELECT enrollment_count FROM courses") == 1


async def test_only_the_learner_and_who_runs_the_course_end_an_enrollment(
    school: School, learner: Person, arrive: Arrive, unchanged: Unchanged
) -> None:
    course = await school.publish()
    enrollment_id = await learner.enrolled(course.id)
    elsewhere = arrive(roles={uuid4(): "admin"})
    fellow = arrive(roles={course.organization_id: "student"})
    unscoped = arrive(roles={course.organization_id: "admin"}, scopes=frozenset({"courses:read"}))

    async with unchanged():
        answers = [await it.unenroll(enrollment_id) for it in (elsewhere, fellow, unscoped)]
    instructor = arrive(roles={course.organization_id: "instructor"})
    ended = await instructor.unenroll(enrollment_id)

    assert [it["code"] for it in answers] == ["ENROLLMENT_NOT_FOUND"] * 2 + ["FORBIDDEN"]
    assert ended["enrollment"]["status"] == "REVOKED"
    actor = "SELECT actor_id FROM progress_events WHERE kind = 'UNENROLLED'"
    assert await school.value(actor) == instructor.id
