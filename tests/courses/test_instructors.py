"""Who teaches a course: people of its organization, as users tells of them."""

from collections.abc import Callable
from itertools import permutations
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from subgraphs.courses.consumers import inbox
from subgraphs.courses.models import Member
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.users.events import MembershipChanged
from tests.courses import studio
from tests.courses.people import Person
from tests.courses.studio import Learning
from tests.courses.test_consumers import told


async def joins(
    neighbour: Learning, school: UUID, role: str | None, *, id: UUID | None = None
) -> UUID:
    """Let users tell what someone is in an organization now."""
    user_id = id or uuid4()
    event = MembershipChanged(organization_id=school, user_id=user_id, role=role)
    await neighbour.tell(school, event)
    return user_id


async def test_instructors_and_admins_of_the_organization_may_teach(
    author: Person, school: UUID, learning: Learning
) -> None:
    teachers = [await joins(learning, school, role) for role in ("instructor", "admin")]

    answer = await author.mutate(
        "createCourse",
        "course { instructors { id } }",
        organization_id=school,
        title="T",
        instructor_ids=[*teachers, author.id],
    )

    expected = [{"id": str(id)} for id in (*teachers, author.id)]
    assert answer["course"]["instructors"] == expected


@pytest.mark.parametrize("who", ["unknown", "student", "elsewhere", "gone"])
async def test_nobody_else_is_named_as_a_teacher(
    author: Person, school: UUID, learning: Learning, who: str
) -> None:
    named = uuid4()
    if who == "student":
        await joins(learning, school, "student", id=named)
    elif who == "elsewhere":
        await joins(learning, uuid4(), "instructor", id=named)
    elif who == "gone":
        await joins(learning, school, "instructor", id=named)
        await joins(learning, school, None, id=named)
    course_id = await studio.create(author, school)

    teachers = [author.id, named]

    made = await author.mutate(
        "createCourse", organization_id=school, title="T", instructor_ids=teachers
    )
    changed = await author.mutate(
        "updateCourse", course_id=course_id, title="T", instructor_ids=teachers
    )

    assert (
        made
        == changed
        == {
            "__typename": "InvalidInputError",
            "code": "INVALID_INPUT",
            "field": "instructorIds",
            "message": "Only instructors and admins of the organization teach.",
        }
    )
    found = await author.send("{ courses(filter: {mine: true}) { nodes { title } } }")
    assert found["courses"]["nodes"] == [{"title": "A course"}]


async def test_a_token_says_that_one_may_teach_before_the_event_does(
    author: Person, arrive: Callable[..., Person], school: UUID
) -> None:
    await studio.create(author, school, instructor_ids=[author.id])
    made = await studio.create(arrive(roles={school: "admin"}), school)

    answer = await author.mutate("updateCourse", course_id=made, instructor_ids=[author.id])

    assert answer["__typename"] == "UpdateCourseSuccess"


async def test_who_teaches_may_stay_when_others_are_named(
    author: Person, school: UUID, learning: Learning
) -> None:
    gone = await joins(learning, school, "instructor")
    course_id = await studio.create(author, school, instructor_ids=[gone])
    await joins(learning, school, None, id=gone)

    both = await author.mutate(
        "updateCourse", course_id=course_id, instructor_ids=[gone, author.id]
    )
    alone = await author.mutate("updateCourse", course_id=course_id, instructor_ids=[author.id])
    back = await author.refused("updateCourse", course_id=course_id, instructor_ids=[gone])

    names = [answer["__typename"] for answer in (both, alone)]
    assert (names, back) == (["UpdateCourseSuccess"] * 2, "InvalidInputError")


async def test_an_operator_names_any_member_of_any_organization(
    arrive: Callable[..., Person], school: UUID, learning: Learning
) -> None:
    operator = arrive(is_operator=True)
    student = await joins(learning, uuid4(), "student")
    gone = await joins(learning, school, None)

    await studio.create(operator, school, instructor_ids=[student, operator.id])
    refused = [
        await operator.refused(
            "createCourse", organization_id=school, title="T", instructor_ids=[id]
        )
        for id in (uuid4(), gone)
    ]

    assert refused == ["InvalidInputError"] * 2


async def test_what_was_told_last_holds_in_whatever_order_it_comes(db: Database, bus: Bus) -> None:
    for order in permutations((0, 1, 2, 1, 0)):
        school, person = uuid4(), uuid4()
        entries = told(
            school,
            *(
                MembershipChanged(organization_id=school, user_id=person, role=role)
                for role in ("admin", None, "student")
            ),
        )

        for place in order:
            await inbox.handle([entries[place]], db, bus)

        async with db.read() as session:
            rows = await session.execute(
                select(Member.role, Member.seq).where(Member.organization_id == school)
            )
            assert rows.all() == [("student", 3)], order
