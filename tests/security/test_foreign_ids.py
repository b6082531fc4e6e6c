"""Every entity type, as every role, with the id of somebody else's: generated from the schemas.

What a stranger is told of a foreign id must be what they are told of an id that does not exist,
except for what is public by intent, which is listed here field by field.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    build_ast_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    parse,
)

from infra.stack import Stack
from tests.support.api import Api
from tests.support.campus import Campus, add_course, enroll
from tests.support.inside import ask_inside

ROOT = Path(__file__).parents[2]
SUBGRAPHS = ("users", "courses", "learning")
ROLES = ("anonymous", "student", "instructor", "admin")

PUBLIC = {
    "User": {"id", "name", "avatarUrl", "bio", "createdAt", "coursesTaught"},
    "Organization": {"id", "name", "slug", "createdAt", "courses"},
    # References of other subgraphs' entities are resolvable without being anything yet.
    "Course": {"id"},
    "Lesson": {"id"},
    "Enrollment": {"id"},
}
"""Fields of foreign entities that anyone may read; of a connection, the visible part of it."""


def schema_of(subgraph: str) -> GraphQLSchema:
    text = (ROOT / "subgraphs" / subgraph / "schema.graphql").read_text()
    return build_ast_schema(parse(text), assume_valid=True, assume_valid_sdl=True)


def entities(subgraph: str) -> list[str]:
    members = schema_of(subgraph).type_map["_Entity"]
    return [member.name for member in members.types]  # type: ignore[attr-defined]


def selection(schema: GraphQLSchema, name: str) -> str:
    """Select all fields of a type that need no argument, one level deep."""
    fields = []
    graphql_type = schema.type_map[name]
    assert isinstance(graphql_type, GraphQLObjectType)
    for field_name, field in graphql_type.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        of = get_named_type(field.type)
        if is_leaf_type(of):
            fields.append(field_name)
        elif "totalCount" in getattr(of, "fields", {}):
            fields.append(f"{field_name} {{ totalCount }}")
        else:
            fields.append(f"{field_name} {{ __typename }}")
    return " ".join(fields)


CASES = [(subgraph, entity) for subgraph in SUBGRAPHS for entity in entities(subgraph)]


@dataclass(frozen=True)
class Victim:
    """Somebody, and the ids of their private things by entity type."""

    person: Api
    ids: dict[str, str]


async def make_victim(campus: Campus) -> Victim:
    instructor, organization_id = await campus.instructor("Vera")
    course = await add_course(instructor, organization_id, 2, visibility="PRIVATE")
    return Victim(
        instructor,
        {
            "User": str(instructor.user_id),
            "Organization": organization_id,
            "Course": course.id,
            "Lesson": course.lesson_ids[0],
            "Enrollment": await enroll(instructor, course.id),
        },
    )


async def stranger(campus: Campus, role: str) -> Api:
    """Somebody with that role in another organization."""
    if role == "anonymous":
        return campus.visitor()
    if role == "student":
        return await campus.person("Stig")
    person, organization_id = await campus.instructor("Stine")
    if role == "instructor":
        other = await campus.person("Sten")
        invited = await person.do(
            "inviteMember",
            "token",
            organizationId=organization_id,
            email=other.email,
            role="INSTRUCTOR",
        )
        await other.do("acceptInvitation", token=invited["token"])
        return await other.refresh()
    return person


async def told(stack: Stack, caller: Api, subgraph: str, entity: str, id: str) -> dict[str, Any]:
    """What `caller` is told of one reference; empty when there is no such thing for them."""
    fields = selection(schema_of(subgraph), entity)
    document = f"""query ($r: [_Any!]!) {{
        _entities(representations: $r) {{ ... on {entity} {{ {fields} }} }} }}"""
    response = await ask_inside(
        stack,
        caller.client,
        subgraph,
        document,
        {"r": [{"__typename": entity, "id": id}]},
        token=caller.token,
    )
    [found] = response.json()["data"]["_entities"]
    return found or {}


def shown(foreign: dict[str, Any], nothing: dict[str, Any]) -> set[str]:
    """The fields that tell of a foreign id what they do not tell of an id that does not exist."""
    empty: tuple[Any, ...] = (None, False, [], {"totalCount": 0})
    return {
        field
        for field, value in foreign.items()
        if value != nothing.get(field) and value not in empty
    }


@pytest.mark.parametrize("role", ROLES)
async def test_a_foreign_reference_tells_a_stranger_nothing(
    campus: Campus, stack: Stack, role: str
) -> None:
    victim = await make_victim(campus)
    caller = await stranger(campus, role)
    leaks = []
    for subgraph, entity in CASES:
        foreign = await told(stack, caller, subgraph, entity, victim.ids[entity])
        nothing = await told(stack, caller, subgraph, entity, str(uuid4()))
        leaked = shown(foreign, nothing) - PUBLIC[entity]
        leaks += [f"{subgraph}: {entity}.{field}" for field in sorted(leaked)]
    assert leaks == []


async def test_the_owner_is_told_what_strangers_are_not(campus: Campus, stack: Stack) -> None:
    """Without this the tests above would pass over subgraphs that answer nothing to anyone."""
    victim = await make_victim(campus)
    told_to_owner = {}
    for subgraph, entity in CASES:
        own = await told(stack, victim.person, subgraph, entity, victim.ids[entity])
        nothing = await told(stack, victim.person, subgraph, entity, str(uuid4()))
        told_to_owner[subgraph, entity] = shown(own, nothing) - PUBLIC[entity]

    assert "email" in told_to_owner["users", "User"]
    assert {"members", "auditLog"} <= told_to_owner["users", "Organization"]
    assert {"title", "modules", "draft"} <= told_to_owner["courses", "Course"]
    assert {"title", "content"} <= told_to_owner["courses", "Lesson"]
    assert {"viewerEnrollment", "roster"} <= told_to_owner["learning", "Course"]
    assert {"status", "learner"} <= told_to_owner["learning", "Enrollment"]
    assert "enrollments" in told_to_owner["learning", "User"]


@pytest.mark.parametrize("role", ROLES)
async def test_a_foreign_id_through_the_gateway_finds_nothing(campus: Campus, role: str) -> None:
    victim = await make_victim(campus)
    caller = await stranger(campus, role)
    found = await caller.ask(
        """query ($course: UUID!, $lesson: UUID!, $enrollment: UUID!, $user: UUID!, $org: UUID!) {
          course(id: $course) { id } lesson(id: $lesson) { id } enrollment(id: $enrollment) { id }
          user(id: $user) { id email isActive sessions { __typename }
            enrollments { totalCount } memberships { role } }
          organization(id: $org) { id invitations { totalCount } } }""",
        course=victim.ids["Course"],
        lesson=victim.ids["Lesson"],
        enrollment=victim.ids["Enrollment"],
        user=victim.ids["User"],
        org=victim.ids["Organization"],
    )
    assert {key: found[key] for key in ("course", "lesson", "enrollment")} == {
        "course": None,
        "lesson": None,
        "enrollment": None,
    }
    assert found["user"]["email"] is None
