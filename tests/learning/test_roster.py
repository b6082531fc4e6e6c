"""Who learns in a course, for those who run it: paged, searched, sorted."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.learning.people import Person
from tests.learning.school import Course, School, registered

Arrive = Callable[..., Person]
ROSTER = """roster(%s) { totalCount pageInfo { hasNextPage endCursor }
  nodes { percentComplete status learner { id } } }"""


async def enrolled(arrive: Arrive, count: int, course: Course) -> list[Person]:
    people = [arrive() for _ in range(count)]
    for person in people:
        await person.enrolled(course.id)
    return people


async def test_a_roster_is_for_those_who_run_the_course(
    school: School, learner: Person, arrive: Arrive
) -> None:
    course = await school.publish()
    await learner.enrolled(course.id)
    document = f"""query ($references: [_Any!]!) {{ _entities(representations: $references) {{
      ... on Course {{ {ROSTER % "first: 5"} }} }} }}"""
    references = [{"__typename": "Course", "id": str(course.id)}]
    here = course.organization_id

    people = [
        (learner, ["FORBIDDEN"]),
        (arrive(roles={here: "student"}), ["FORBIDDEN"]),
        (arrive(roles={uuid4(): "admin"}), ["FORBIDDEN"]),
        (arrive(user_id=None), ["UNAUTHENTICATED"]),
        (arrive(roles={here: "instructor"}), []),
        (arrive(roles={here: "admin"}), []),
        (arrive(is_operator=True), []),
    ]
    for person, codes in people:
        assert await person.codes(document, references=references) == codes


async def test_a_roster_is_searched_filtered_and_sorted(
    school: School, arrive: Arrive, statements: list[str]
) -> None:
    course = await school.publish(2)
    ada, bob, cy, nameless = people = await enrolled(arrive, 4, course)
    for person, name in ((ada, "ada 100%_x"), (bob, "Bob"), (cy, "Cyrus Ada")):
        await school.tell(registered(person.id, name))
    [[bobs]] = await school.rows("SELECT id FROM enrollments WHERE user_id = :id", id=bob.id)
    await bob.complete(bobs, course.lesson_ids[0])
    [[cys]] = await school.rows("SELECT id FROM enrollments WHERE user_id = :id", id=cy.id)
    await cy.unenroll(cys)
    instructor = arrive(roles={course.organization_id: "instructor"})

    async def roster(arguments: str) -> list[Person]:
        statements.clear()
        shown = (await instructor.entity("Course", course.id, ROSTER % arguments))["roster"]
        assert len(statements) == 3  # whose course it is, the page, the count
        assert shown["totalCount"] == len(shown["nodes"])
        ids = [UUID(it["learner"]["id"]) for it in shown["nodes"]]
        return [person for id in ids for person in people if person.id == id]

    assert await roster("first: 100") == [nameless, bob, ada]
    assert await roster("orderBy: PERCENT_COMPLETE") == [bob, nameless, ada]
    assert await roster("orderBy: NAME") == [nameless, ada, bob]
    assert await roster("status: REVOKED") == [cy]
    assert await roster('search: "ADA"') == [ada]
    assert await roster('search: "100%_"') == [ada]
    assert await roster('search: "%"') == [ada]
    assert await roster('search: "  "') == [nameless, bob, ada]
    assert await roster("""search: "' OR 1=1 --" """) == []


@pytest.mark.parametrize("search", ["x" * 101, "a\x00b"])
async def test_a_search_that_cannot_be_one_is_refused(
    school: School, arrive: Arrive, search: str
) -> None:
    course = await school.publish()
    instructor = arrive(roles={course.organization_id: "instructor"})
    document = """query ($references: [_Any!]!, $search: String) {
      _entities(representations: $references) { ... on Course {
        roster(search: $search) { nodes { id } } } } }"""
    references = [{"__typename": "Course", "id": str(course.id)}]

    codes = await instructor.codes(document, references=references, search=search)

    assert codes == ["INVALID_INPUT"]


async def test_a_roster_pages_by_any_order(school: School, arrive: Arrive) -> None:
    course = await school.publish(1)
    people = await enrolled(arrive, 7, course)
    for number, person in enumerate(people):
        await school.tell(registered(person.id, f"Learner {number % 3}"))
    instructor = arrive(roles={course.organization_id: "instructor"})

    for order in ("ENROLLED_AT", "PERCENT_COMPLETE", "NAME"):
        seen: list[str] = []
        after = "null"
        while True:
            arguments = f"first: 2, after: {after}, orderBy: {order}"
            shown = (await instructor.entity("Course", course.id, ROSTER % arguments))["roster"]
            seen += [it["learner"]["id"] for it in shown["nodes"]]
            if not shown["pageInfo"]["hasNextPage"]:
                break
            after = f'"{shown["pageInfo"]["endCursor"]}"'
        assert sorted(seen) == sorted(str(person.id) for person in people)
        assert len(seen) == 7
