from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from subgraphs.courses.models import Course
from subgraphs.courses.queries import ORDERS, CourseOrder
from subgraphs.courses.repository import search
from subgraphs.kernel.auth import ANONYMOUS
from subgraphs.kernel.db import Database
from tests.courses import shelves, studio
from tests.courses.people import Person
from tests.courses.studio import Learning

LIST = """query ($filter: CourseFilter, $orderBy: CourseOrder! = NEWEST, $first: Int,
    $after: String, $last: Int, $before: String) {
  courses(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last,
      before: $before) {
    nodes { slug } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def listed(person: Person, order: str = "NEWEST", **wanted: Any) -> list[str]:
    found = await person.send(LIST, filter=wanted, orderBy=order)
    return [node["slug"] for node in found["courses"]["nodes"]]


async def test_the_catalogue_filters_and_sorts(
    author: Person, anyone: Person, arrive: Callable[..., Person], school: UUID, learning: Learning
) -> None:
    operator = arrive(is_operator=True)
    await operator.mutate("createCategory", name="Rope work")
    a = await studio.published(author, school, slug="a", title="Zebra", language="de")
    b = await studio.published(
        author, school, slug="b", title="Aardvark", category_slug="rope-work", level="BEGINNER"
    )
    await studio.published(author, school, slug="c", title="Mole", is_free=False)
    await studio.draft(author, school, slug="draft")
    people = [arrive() for _ in range(3)]
    for person, made in zip(people, (b, b, a), strict=True):
        await learning.enroll(person, made.id)
    await people[0].mutate("reviewCourse", course_id=b.id, rating=3)
    await people[2].mutate("reviewCourse", course_id=a.id, rating=5)

    assert await listed(anyone) == ["c", "b", "a"]
    assert await listed(anyone, order="POPULAR") == ["b", "a", "c"]
    assert await listed(anyone, order="RATING") == ["a", "b", "c"]
    assert await listed(anyone, order="TITLE") == ["b", "c", "a"]
    assert await listed(anyone, categorySlug="rope-work") == ["b"]
    assert await listed(anyone, categorySlug="unknown") == []
    assert await listed(anyone, language="de") == ["a"]
    assert await listed(anyone, language="DE") == ["a"]
    assert await listed(anyone, language="german") == []
    assert await listed(anyone, level="BEGINNER") == ["b"]
    assert await listed(anyone, isFree=False) == ["c"]
    assert await listed(anyone, minRating=4) == ["a"]
    assert await listed(anyone, organizationId=str(school)) == ["c", "b", "a"]
    assert await listed(anyone, organizationId=str(uuid4())) == []
    assert await listed(anyone, search="aardvarks") == ["b"]
    assert await listed(author, mine=True) == ["draft", "c", "b", "a"]
    assert await listed(author, mine=True, search="zeb") == ["a"]
    assert await listed(people[0], mine=True) == []
    assert await anyone.codes(LIST, filter={"mine": True}) == ["UNAUTHENTICATED"]


async def test_categories_count_the_courses_open_to_the_viewer(
    author: Person,
    anyone: Person,
    arrive: Callable[..., Person],
    school: UUID,
    statements: list[str],
) -> None:
    operator = arrive(is_operator=True)
    for name in ("Rope work", "Baking"):
        await operator.mutate("createCategory", name=name)
    await studio.published(author, school, category_slug="baking")
    await studio.published(author, school, category_slug="baking", visibility="PRIVATE")
    await studio.draft(author, school, category_slug="rope-work")
    statements.clear()

    found = await anyone.send("{ categories { slug name courseCount } }")

    assert found["categories"] == [
        {"slug": "baking", "name": "Baking", "courseCount": 1},
        {"slug": "rope-work", "name": "Rope work", "courseCount": 0},
    ]
    assert len(statements) == 2
    mine = await author.send("{ categories { courseCount } }")
    assert [category["courseCount"] for category in mine["categories"]] == [2, 0]
    assert await author.refused("createCategory", name="Mine") == "ForbiddenError"
    assert await operator.refused("createCategory", name="Baking") == "SlugTakenError"
    assert await operator.refused("createCategory", name=" ") == "InvalidInputError"
    unknown = await author.refused(
        "createCourse", organization_id=school, title="T", category_slug="nothing"
    )
    assert unknown == "CategoryNotFoundError"


async def test_pages_follow_each_other_in_both_directions(
    anyone: Person, db: Database, school: UUID, statements: list[str]
) -> None:
    await shelves.fill(db, school, 45)
    statements.clear()

    for order in ("NEWEST", "POPULAR", "RATING", "TITLE"):
        whole = await anyone.send(LIST, first=100, orderBy=order)
        slugs = [node["slug"] for node in whole["courses"]["nodes"]]
        assert len(set(slugs)) == whole["courses"]["totalCount"] == 45
        forward: list[str] = []
        after = None
        while True:
            page = (await anyone.send(LIST, first=20, after=after, orderBy=order))["courses"]
            forward += [node["slug"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert forward == slugs
        back = (await anyone.send(LIST, last=5, before=after, orderBy=order))["courses"]
        assert [node["slug"] for node in back["nodes"]] == slugs[39:44]
    assert len(statements) == 4 * 5 * 2  # a page, and its count since that is asked for


async def test_a_page_of_the_catalogue_is_one_select(
    anyone: Person, db: Database, school: UUID, statements: list[str]
) -> None:
    await shelves.fill(db, school, 45)
    statements.clear()

    found = await anyone.send(
        """{ courses(first: 20) { edges { cursor node { id slug title summary level language isFree
        rating reviewCount lessonCount publishedAt category { name } organization { id }
        instructors { id } } } pageInfo { endCursor hasNextPage } } }"""
    )

    assert len(found["courses"]["edges"]) == 20
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"first": 101}, "INVALID_PAGE"),
        ({"first": 0}, "INVALID_PAGE"),
        ({"first": -1}, "INVALID_PAGE"),
        ({"first": 5, "last": 5}, "INVALID_PAGE"),
        ({"after": "nonsense"}, "INVALID_CURSOR"),
        ({"after": "WzEsMl0"}, "INVALID_CURSOR"),
        ({"filter": {"search": " "}}, "INVALID_INPUT"),
        ({"filter": {"search": "x" * 201}}, "INVALID_INPUT"),
        ({"filter": {"organizationId": "7"}}, "BAD_USER_INPUT"),
    ],
)
async def test_a_bad_page_is_refused(anyone: Person, variables: dict[str, Any], code: str) -> None:
    assert await anyone.codes(LIST, **variables) == [code]


async def test_a_course_is_named_in_one_way(anyone: Person) -> None:
    assert await anyone.codes("{ course { id } }") == ["INVALID_INPUT"]
    both = '{ course(slug: "x", id: "00000000-0000-0000-0000-000000000000") { id } }'
    assert await anyone.codes(both) == ["INVALID_INPUT"]


async def test_what_postgres_cannot_store_is_not_found(anyone: Person, author: Person) -> None:
    school = next(iter(author.viewer.roles))
    assert await anyone.send('{ course(slug: "a\\u0000") { id } }') == {"course": None}
    assert await listed(anyone, categorySlug="a\0") == []
    assert await listed(anyone, language="a\0") == []
    refused = await author.refused(
        "createCourse", organization_id=school, title="T", category_slug="a\0"
    )
    assert refused == "CategoryNotFoundError"


async def test_every_order_of_the_catalogue_reads_an_index(db: Database, school: UUID) -> None:
    await shelves.fill(db, school, 2_000)
    expected = {
        CourseOrder.NEWEST: "ix_courses_newest",
        CourseOrder.POPULAR: "ix_courses_popular",
        CourseOrder.RATING: "ix_courses_rated",
        CourseOrder.TITLE: "ix_courses_titled",
    }
    for order, index in expected.items():
        keys = [key.by.desc() if key.descending else key.by.asc() for key in ORDERS[order]]
        query = search.catalogue(ANONYMOUS, search.CourseFilter()).order_by(*keys).limit(21)
        explained = await shelves.plan(db, query.with_only_columns(Course.id))
        assert index in explained, explained
        assert "Seq Scan on courses" not in explained, explained


async def test_people_and_organizations_list_their_courses(
    author: Person, anyone: Person, school: UUID
) -> None:
    await studio.published(author, school, slug="open")
    await studio.published(author, school, slug="closed", visibility="PRIVATE")
    await studio.draft(author, school, slug="draft")
    document = """query ($references: [_Any!]!) { _entities(representations: $references) {
      ... on User { coursesTaught { nodes { slug } totalCount } }
      ... on Organization { courses(first: 1) { nodes { slug } totalCount } } } }"""
    references = [
        {"__typename": "User", "id": str(author.id)},
        {"__typename": "Organization", "id": str(school)},
    ]

    theirs = (await anyone.send(document, references=references))["_entities"]
    own = (await author.send(document, references=references))["_entities"]

    assert theirs == [
        {"coursesTaught": {"nodes": [{"slug": "open"}], "totalCount": 1}},
        {"courses": {"nodes": [{"slug": "open"}], "totalCount": 1}},
    ]
    assert own == [
        {
            "coursesTaught": {
                "nodes": [{"slug": "draft"}, {"slug": "closed"}, {"slug": "open"}],
                "totalCount": 3,
            }
        },
        {"courses": {"nodes": [{"slug": "draft"}], "totalCount": 3}},
    ]


async def test_a_hundred_courses_are_one_select_and_keep_their_order(
    anyone: Person, db: Database, school: UUID, statements: list[str]
) -> None:
    await shelves.fill(db, school, 99)
    nodes = (await anyone.send("{ courses(first: 100) { nodes { id } } }"))["courses"]["nodes"]
    ids = [*(node["id"] for node in nodes[::-1]), str(uuid4())]
    references = [{"__typename": "Course", "id": id} for id in ids]
    document = """query ($references: [_Any!]!) { _entities(representations: $references) {
      ... on Course { id title category { name } organization { id } instructors { id } } } }"""
    statements.clear()

    found = (await anyone.send(document, references=references))["_entities"]

    assert [entity and entity["id"] for entity in found] == [*ids[:-1], None]
    assert len(statements) == 1


async def test_the_viewer_is_who_asks(anyone: Person, author: Person) -> None:
    assert await anyone.send("{ viewer { id } }") == {"viewer": None}
    assert await author.send("{ viewer { id } }") == {"viewer": {"id": str(author.id)}}
