"""What is shown to whom, and what it costs: every SELECT is counted (F105, A8, A9)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from tests.learning.people import Person
from tests.learning.school import School

Arrive = Callable[..., Person]
DASHBOARD = """{ viewer { enrollments(first: 20) { nodes {
  percentComplete course { id } nextLesson { id } } %s } } }"""


async def test_a_hundred_references_of_each_kind_are_one_select(
    school: School, learner: Person, statements: list[str]
) -> None:
    courses = [await school.publish(1) for _ in range(100)]
    enrollment_ids = [await learner.enrolled(course.id) for course in courses]
    unknown = uuid4()

    statements.clear()
    fields = "id status percentComplete isOverdue nextLesson { id }"
    shown = await learner.entities("Enrollment", [*enrollment_ids[::-1], unknown], fields)
    assert [it and UUID(it["id"]) for it in shown] == [*enrollment_ids[::-1], None]
    assert len(statements) == 1

    statements.clear()
    fields = "enrollmentCount viewerEnrollment { id }"
    shown = await learner.entities("Course", [unknown, *(it.id for it in courses)], fields)
    assert [it["viewerEnrollment"] and UUID(it["viewerEnrollment"]["id"]) for it in shown] == [
        None,
        *enrollment_ids,
    ]
    assert [it["enrollmentCount"] for it in shown] == [0] + [1] * 100
    assert len(statements) == 1

    statements.clear()
    fields = "locked lockReason releasedAt viewerProgress { completedAt }"
    lesson_ids = [course.lesson_ids[0] for course in courses]
    shown = await learner.entities("Lesson", [*lesson_ids, unknown], fields)
    assert [it["locked"] for it in shown] == [False] * 100 + [True]
    assert len(statements) == 1

    statements.clear()
    assert await learner.entities("User", [uuid4() for _ in range(100)], "id")
    assert statements == []


async def test_the_course_page_is_two_selects(
    school: School, learner: Person, statements: list[str]
) -> None:
    course = await school.publish(199)
    await learner.enrolled(course.id)
    references = [{"__typename": "Course", "id": str(course.id)}]
    references += [{"__typename": "Lesson", "id": str(id)} for id in course.lesson_ids]
    document = """query ($references: [_Any!]!) { _entities(representations: $references) {
      ... on Course { enrollmentCount viewerEnrollment { percentComplete nextLesson { id } } }
      ... on Lesson { locked lockReason releasedAt viewerProgress { completedAt } } } }"""

    statements.clear()
    shown = (await learner.send(document, references=references))["_entities"]

    assert shown[0] == {
        "enrollmentCount": 1,
        "viewerEnrollment": {
            "percentComplete": 0,
            "nextLesson": {"id": str(course.lesson_ids[0])},
        },
    }
    assert (
        shown[1:]
        == [
            {
                "locked": False,
                "lockReason": None,
                "releasedAt": None,
                "viewerProgress": {"completedAt": None},
            }
        ]
        * 199
    )
    assert len(statements) == 2


async def test_the_dashboard_is_one_select_and_one_more_to_count(
    school: School, learner: Person, statements: list[str]
) -> None:
    courses = [await school.publish(2) for _ in range(25)]
    for course in courses:
        await learner.enrolled(course.id)

    statements.clear()
    found = (await learner.send(DASHBOARD % ""))["viewer"]["enrollments"]["nodes"]
    assert [it["course"]["id"] for it in found] == [str(it.id) for it in courses[:4:-1]]
    assert [it["nextLesson"]["id"] for it in found] == [
        str(it.lesson_ids[0]) for it in courses[:4:-1]
    ]
    assert len(statements) == 1

    statements.clear()
    counted = (await learner.send(DASHBOARD % "totalCount"))["viewer"]["enrollments"]
    assert counted["totalCount"] == 25
    assert len(statements) == 2


async def test_pages_follow_each_other_in_both_directions(school: School, learner: Person) -> None:
    ids = [str(await learner.enrolled((await school.publish(1)).id)) for _ in range(5)]
    query = """query ($first: Int, $after: String, $last: Int, $before: String) { viewer {
      enrollments(first: $first, after: $after, last: $last, before: $before) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""

    async def page(**arguments: Any) -> Any:
        return (await learner.send(query, **arguments))["viewer"]["enrollments"]

    one = await page(first=2)
    two = await page(first=2, after=one["pageInfo"]["endCursor"])
    three = await page(first=2, after=two["pageInfo"]["endCursor"])
    back = await page(last=2, before=three["pageInfo"]["startCursor"])

    found = [it["id"] for got in (one, two, three) for it in got["nodes"]]
    assert found == ids[::-1]
    assert back["nodes"] == two["nodes"]
    assert [it["pageInfo"]["hasNextPage"] for it in (one, two, three)] == [True, True, False]
    assert await learner.codes(query, first=101) == ["INVALID_PAGE"]
    assert await learner.codes(query, first=2, after="nonsense") == ["INVALID_CURSOR"]


async def test_the_viewer_is_a_person_or_nobody(arrive: Arrive) -> None:
    person, nobody = arrive(), arrive(user_id=None)
    program = arrive(scopes=frozenset({"learning:read"}))

    answers = [await it.send("{ viewer { id } }") for it in (person, nobody, program)]

    assert answers == [{"viewer": {"id": str(person.id)}}, {"viewer": None}, {"viewer": None}]


async def test_who_sees_an_enrollment(school: School, learner: Person, arrive: Arrive) -> None:
    course = await school.publish()
    enrollment_id = await learner.enrolled(course.id)
    here, elsewhere = course.organization_id, uuid4()
    people = {
        "the learner": learner,
        "an instructor": arrive(roles={here: "instructor"}),
        "an admin": arrive(roles={here: "admin"}),
        "an operator": arrive(is_operator=True),
        "a program that may read": arrive(
            roles={here: "admin"}, scopes=frozenset({"learning:read"})
        ),
        "a fellow student": arrive(roles={here: "student"}),
        "an admin elsewhere": arrive(roles={elsewhere: "admin"}),
        "a program that may not": arrive(roles={here: "admin"}, scopes=frozenset({"courses:read"})),
        "a stranger": arrive(),
        "nobody": arrive(user_id=None),
    }
    query = "query ($id: UUID!) { enrollment(id: $id) { id } }"
    through = "enrollments { nodes { id } }"

    async def see() -> dict[str, list[bool]]:
        """By the root field, by reference, and through the learner."""
        return {
            name: [
                (await it.send(query, id=str(enrollment_id)))["enrollment"] is not None,
                await it.entity("Enrollment", enrollment_id, "id") is not None,
                (await it.entity("User", learner.id, through))["enrollments"]["nodes"] != [],
            ]
            for name, it in people.items()
        }

    seen = await see()
    assert list(seen.values()) == [[True] * 3] * 5 + [[False] * 3] * 5

    await learner.unenroll(enrollment_id)
    seen = await see()
    # Among a person's enrollments those that have ended are listed only on request.
    assert list(seen.values()) == [[False] * 3] + [[True, True, False]] * 4 + [[False] * 3] * 5


async def test_an_instructor_sees_the_next_lesson_of_a_learner_but_not_their_locks(
    school: School, learner: Person, arrive: Arrive, statements: list[str]
) -> None:
    course = await school.publish(2)
    enrollment_id = await learner.enrolled(course.id)
    await learner.complete(enrollment_id, course.lesson_ids[0])
    instructor = arrive(roles={course.organization_id: "instructor"})
    fields = "nextLesson { id lockReason } completedLessons { id lockReason }"

    statements.clear()
    shown = await instructor.entity("Enrollment", enrollment_id, fields)

    first, second = map(str, course.lesson_ids)
    assert shown == {
        "nextLesson": {"id": second, "lockReason": "NOT_ENROLLED"},
        "completedLessons": [{"id": first, "lockReason": "NOT_ENROLLED"}],
    }
    assert len(statements) == 2


async def test_the_count_of_a_hidden_course_is_not_told(school: School, arrive: Arrive) -> None:
    private = await school.publish(visibility="private")
    member = arrive(roles={private.organization_id: "student"})
    await member.enrolled(private.id)
    people = (member, arrive(roles={private.organization_id: "admin"}), arrive())

    shown = [await it.entity("Course", private.id, "enrollmentCount") for it in people]

    assert [it["enrollmentCount"] for it in shown] == [1, 1, 0]
