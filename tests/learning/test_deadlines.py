"""By when a course is to be done (F26)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from tests.learning.people import Person
from tests.learning.school import School

Arrive = Callable[..., Person]
Unchanged = Callable[[], AbstractAsyncContextManager[None]]


def after(**distance: float) -> str:
    return (datetime.now(UTC) + timedelta(**distance)).isoformat()


@pytest.fixture
async def enrollment_id(school: School, learner: Person) -> UUID:
    return await learner.enrolled((await school.publish(1)).id)


async def test_a_deadline_is_set_lifted_and_told(
    school: School, learner: Person, enrollment_id: UUID, unchanged: Unchanged
) -> None:
    due_at = after(days=30)

    answer = await learner.set_deadline(enrollment_id, due_at)
    async with unchanged():
        assert await learner.set_deadline(enrollment_id, due_at) == answer
    lifted = await learner.set_deadline(enrollment_id, None)

    assert answer["enrollment"]["dueAt"] == due_at
    assert not answer["enrollment"]["isOverdue"]
    assert lifted["enrollment"]["dueAt"] is None
    assert [type_ for _, type_ in await school.told(enrollment_id)] == [
        "enrollment_created",
        "deadline_set",
        "deadline_set",
    ]


@pytest.mark.parametrize(
    "due_at",
    [
        partial(after, seconds=-1),
        partial(after, days=5 * 365, minutes=5),
        lambda: after(days=1).removesuffix("+00:00"),
        lambda: "9999-12-31T23:59:59+00:00",
        lambda: "0001-01-01T00:00:00+14:00",
    ],
    ids=["past", "later than five years", "without an offset", "last year", "first year"],
)
async def test_a_deadline_is_a_moment_of_the_next_five_years(
    learner: Person, enrollment_id: UUID, unchanged: Unchanged, due_at: Callable[[], str]
) -> None:
    async with unchanged():
        answer = await learner.set_deadline(enrollment_id, due_at())

    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "dueAt")


async def test_instructors_set_deadlines_in_their_organization_only(
    school: School, enrollment_id: UUID, arrive: Arrive, unchanged: Unchanged
) -> None:
    organization_id = await school.value("SELECT organization_id FROM courses")
    due_at = after(days=1)

    answer = await arrive(roles={organization_id: "instructor"}).set_deadline(enrollment_id, due_at)
    async with unchanged():
        refused = await arrive().set_deadline(enrollment_id, after(days=2))

    assert answer["enrollment"]["dueAt"] == due_at
    assert refused["code"] == "ENROLLMENT_NOT_FOUND"


async def test_overdue_is_who_has_lessons_left_after_the_deadline(
    school: School, learner: Person, enrollment_id: UUID
) -> None:
    await learner.set_deadline(enrollment_id, after(days=1))
    async with school.db.engine.begin() as connection:  # two days pass
        await connection.exec_driver_sql("UPDATE enrollments SET due_at = due_at - interval '2 d'")
    query = "query ($id: UUID!) { enrollment(id: $id) { isOverdue nextLesson { id } } }"

    late = (await learner.send(query, id=str(enrollment_id)))["enrollment"]
    done = await learner.complete(enrollment_id, UUID(late["nextLesson"]["id"]))

    assert late["isOverdue"]
    assert not done["enrollment"]["isOverdue"]
