"""Lists below many objects cost one SELECT, and one more where they are counted."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from subgraphs.courses.models import Course, CourseStatus, Review
from subgraphs.kernel.db import Database
from tests.courses import studio
from tests.courses.people import Person

ASK = """query ($references: [_Any!]!) { _entities(representations: $references) {
  ... on %s { list: %s(first: 1) { nodes { %s } pageInfo { hasNextPage } %s } } } }"""


async def shelve(db: Database, schools: list[UUID], teachers: list[UUID]) -> list[UUID]:
    """Publish two courses a school; both teachers next to each other share one. Return ids."""
    rows = [
        Course(
            organization_id=school,
            slug=f"course-{place}-{number}",
            title="T",
            status=CourseStatus.PUBLISHED,
            listed_at=studio.now(),
            instructor_ids=[teachers[place], teachers[place - 1]] if number else [],
        )
        for place, school in enumerate(schools)
        for number in range(2)
    ]
    async with db.begin() as session:
        session.add_all(rows)
    return [row.id for row in rows]


@pytest.mark.parametrize(
    ("kind", "field"), [("User", "coursesTaught"), ("Organization", "courses")]
)
async def test_twenty_lists_of_courses_are_one_select(
    db: Database, anyone: Person, statements: list[str], kind: str, field: str
) -> None:
    parents = [uuid4() for _ in range(20)]
    await shelve(db, parents, parents)
    references = [{"__typename": kind, "id": str(id)} for id in (*parents, uuid4())]

    async def lists(counted: str = "") -> list[Any]:
        statements.clear()
        document = ASK % (kind, field, "slug category { name }", counted)
        found = await anyone.send(document, references=references)
        return [it["list"] for it in found["_entities"]]

    *found, none = await lists()
    assert len(statements) == 1
    assert [len(it["nodes"]) for it in found] == [1] * 20
    assert [it["pageInfo"]["hasNextPage"] for it in found] == [True] * 20
    assert none["nodes"] == []

    assert [it["totalCount"] for it in await lists("totalCount")] == [2] * 20 + [0]
    assert len(statements) == 2


async def test_the_reviews_of_twenty_courses_are_one_select(
    db: Database, anyone: Person, statements: list[str]
) -> None:
    people = [uuid4() for _ in range(20)]
    ids = (await shelve(db, people, people))[:20]
    async with db.begin() as session:
        session.add_all(
            Review(course_id=id, user_id=person, rating=1 + place % 5, text="")
            for place, id in enumerate(ids)
            for person in people[: 1 + place % 3]
        )
    references = [{"__typename": "Course", "id": str(id)} for id in ids]
    statements.clear()
    document = ASK % ("Course", "reviews", "rating", "totalCount")

    found = (await anyone.send(document, references=references))["_entities"]

    assert [it["list"] for it in found] == [
        {
            "nodes": [{"rating": 1 + place % 5}],
            "pageInfo": {"hasNextPage": place % 3 > 0},
            "totalCount": 1 + place % 3,
        }
        for place in range(20)
    ]
    assert len(statements) == 3  # the courses, their reviews, the counts
