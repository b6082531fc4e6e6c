"""Enrollments of many people or courses cost one SELECT, and one more where they are counted."""

from collections.abc import Callable

import pytest

from tests.learning.people import Person
from tests.learning.school import School

Arrive = Callable[..., Person]


@pytest.mark.parametrize(("counted", "cost"), [("", 1), ("totalCount", 2)])
async def test_the_enrollments_of_twenty_people_are_one_select(
    school: School, arrive: Arrive, statements: list[str], counted: str, cost: int
) -> None:
    courses = [await school.publish(1) for _ in range(2)]
    people = [arrive() for _ in range(20)]
    for place, person in enumerate(people):
        for course in courses[: 1 + place % 2]:
            await person.enrolled(course.id)
    operator = arrive(is_operator=True)
    statements.clear()

    found = await operator.entities(
        "User",
        [person.id for person in people],
        f"enrollments(first: 1) {{ {counted} pageInfo {{ hasNextPage }} "
        "nodes { course { id } learner { id } } }",
    )

    assert len(statements) == cost
    assert [it["enrollments"]["nodes"] for it in found] == [
        [{"course": {"id": str(courses[place % 2].id)}, "learner": {"id": str(person.id)}}]
        for place, person in enumerate(people)
    ]
    assert [it["enrollments"]["pageInfo"]["hasNextPage"] for it in found] == [False, True] * 10
    if counted:
        assert [it["enrollments"]["totalCount"] for it in found] == [1, 2] * 10


@pytest.mark.parametrize("order", ["ENROLLED_AT", "PERCENT_COMPLETE", "NAME"])
async def test_the_rosters_of_twenty_courses_are_one_select(
    school: School, learner: Person, arrive: Arrive, statements: list[str], order: str
) -> None:
    courses = [await school.publish(1) for _ in range(20)]
    enrollment_ids = [str(await learner.enrolled(course.id)) for course in courses]
    operator = arrive(is_operator=True)
    statements.clear()

    found = await operator.entities(
        "Course",
        [course.id for course in courses],
        f"roster(first: 5, orderBy: {order}) {{ totalCount nodes {{ id }} }}",
    )

    assert len(statements) == 3  # whose courses they are, the pages, the counts
    assert [it["roster"] for it in found] == [
        {"totalCount": 1, "nodes": [{"id": id}]} for id in enrollment_ids
    ]
