"""SQL in every place that takes text, found from the public schema."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLEnumType, GraphQLObjectType, get_named_type, parse, validate

from infra.stack import Stack
from tests.security.documents import SCHEMA, Values, operation, roots, selection, strings
from tests.support.api import Api
from tests.support.campus import Campus
from tests.support.inside import ask_inside

INJECTIONS = (
    "'",
    '"',
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    "') UNION SELECT password_hash FROM users --",
    "1; SELECT pg_sleep(9) --",
    "' || pg_sleep(9) || '",
    "\\'; SELECT 1 --",
    "%' ESCAPE '\\",
    "$1 :p %s %(x)s {0}",
    "a & | ! ( :* <-> b",
    "\x00",
    "\ud800",
    "\u202e\ufeff\uffff",
    "9" * 400,
)
BROKEN = re.compile(
    r"syntax error|unterminated|invalid input syntax|does not exist|invalid byte sequence"
    r"|invalid regular expression|could not determine data type|malformed|out of range"
)
"""What Postgres says of statements that were not meant so."""

BELOW = """query ($id: UUID, $organization: UUID, $text: String) {{ {}
  a: course(id: $id) {{ id }} b: organization(id: $organization) {{ id }} }}"""
INNOCENT = {
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "DateTime": "2026-01-01T00:00:00Z",
    "JSON": {},
}


def places() -> list[tuple[str, str, tuple[str, ...]]]:
    """Every text of every root field, as kind, field and path."""
    return [
        (kind, name, (argument, *path))
        for kind in ("Query", "Mutation")
        for name, field in roots(kind).items()
        for argument, definition in field.args.items()
        if argument not in ("last", "before")
        for path in strings(definition.type)
    ]


def innocent(ids: dict[str, str]) -> Values:
    """Values that lead past the first checks, with the caller's own things for ids."""

    def value(name: str, type_: Any) -> Any:
        of = get_named_type(type_)
        if isinstance(of, GraphQLEnumType):
            return next(iter(of.values))
        if of.name == "UUID":
            return ids.get(name) or ids["courseId"]
        return INNOCENT.get(of.name, "innocent")

    return value


def with_text(body: dict[str, Any], path: tuple[str, ...], text: str) -> dict[str, Any]:
    """Put `text` into one place of the variables; where a list is, as its item."""
    at = body["variables"]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = [text] if isinstance(at[path[-1]], list) else text
    return body


def nested() -> Iterator[tuple[str, str, str]]:
    """Every text argument of a field below a root: the root that leads there, field, argument."""
    ways = {
        "User": "viewer",
        "Course": "course(id: $id)",
        "Organization": "organization(id: $organization)",
    }
    for type_name, way in ways.items():
        type_ = SCHEMA.type_map[type_name]
        assert isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items():
            for argument, definition in field.args.items():
                if get_named_type(definition.type).name == "String" and argument != "before":
                    call = f"{name}({argument}: $text) {selection(field.type, 2)}"
                    yield (f"{way} {{ {call} }}", name, argument)


async def must_be_harmless(caller: Api, body: dict[str, Any], place: tuple[str, ...]) -> None:
    response = await caller.post(body)
    assert response.status_code in (200, 400), place
    answer = response.json()
    codes = {error["extensions"].get("code") for error in answer.get("errors", [])}
    assert codes.isdisjoint({"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"}), (place, answer)
    assert "$argon2" not in str(answer.get("data"))


@pytest.fixture
def postgres_log(stack: Stack) -> Iterator[None]:
    """Postgres was asked nothing that it did not understand."""
    before = len(stack.log("postgres"))
    yield
    said = stack.log("postgres")[before:].splitlines()
    assert [line for line in said if BROKEN.search(line)] == []


def test_every_place_is_reached_by_a_valid_document() -> None:
    values = innocent({"courseId": str(uuid4())})
    documents = [operation(kind, name, values, path)["query"] for kind, name, path in places()]
    documents += [BELOW.format(way) for way, _, _ in nested()]
    assert len(documents) > 60
    assert [error for document in documents for error in validate(SCHEMA, parse(document))] == []


@pytest.mark.usefixtures("postgres_log")
@pytest.mark.parametrize("injection", INJECTIONS)
async def test_text_is_never_sql(campus: Campus, injection: str) -> None:
    instructor, course = await campus.course(lessons=1)
    page = "query ($id: UUID!) { course(id: $id) { modules { id } } }"
    [module] = (await instructor.ask(page, id=course.id))["course"]["modules"]
    ids = {
        "courseId": course.id,
        "organizationId": course.organization_id,
        "lessonId": course.lesson_ids[0],
        "moduleId": module["id"],
        "userId": str(instructor.user_id),
        "clientId": str(uuid4()),
    }
    attacks = [
        (with_text(operation(kind, name, innocent(ids), path), path, injection), (name, *path))
        for kind, name, path in places()
        if name != "logout"  # its place is the session of who attacks
    ]
    variables = {"id": course.id, "organization": course.organization_id, "text": injection}
    attacks += [
        ({"query": BELOW.format(way), "variables": variables}, (name, argument))
        for way, name, argument in nested()
    ]
    for start in range(0, len(attacks), 8):
        bodies = attacks[start : start + 8]
        await asyncio.gather(*(must_be_harmless(instructor, *attack) for attack in bodies))
    assert (await instructor.ask("{ viewer { id } }"))["viewer"] == {"id": instructor.user_id}


@pytest.mark.usefixtures("postgres_log")
@pytest.mark.parametrize("subgraph", ["users", "courses", "learning"])
async def test_keys_of_references_are_never_sql(
    campus: Campus, stack: Stack, subgraph: str
) -> None:
    types = ("User", "Organization", "Course", "Lesson", "Enrollment", "' OR 1=1 --")
    references = [
        {"__typename": type_, key: injection}
        for type_ in types
        for key in ("id", "slug")
        for injection in INJECTIONS
        if injection != "\ud800"
    ]
    document = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }"
    person = await campus.person("Vera")
    answer = (
        await ask_inside(
            stack, campus.client, subgraph, document, {"r": references}, token=person.token
        )
    ).json()
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes <= {"BAD_USER_INPUT"}
    assert [found for found in answer["data"]["_entities"] if found] == []


async def test_the_search_finds_what_it_is_asked_for_and_no_more(campus: Campus) -> None:
    """An injection that worked would find everything."""
    marker = uuid4().hex
    _, course = await campus.course(lessons=1, title=f"Course {marker}")
    query = "query ($q: String!) { searchCourses(query: $q) { nodes { course { id } } } }"
    for injection in INJECTIONS[2:6]:
        found = await campus.visitor().ask(query, q=f"{uuid4().hex}{injection}")
        assert found["searchCourses"]["nodes"] == []
    found = await campus.visitor().ask(query, q=marker)
    assert found["searchCourses"]["nodes"] == [{"course": {"id": course.id}}]
