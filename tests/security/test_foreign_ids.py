"""Every entity type, as every role, with the id of somebody else's: generated from the schemas.

What a stranger is told of a foreign id must be what they are told of an id that does not exist,
except for what is public by intent, which is listed here field by field.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    build_ast_schema,
    build_schema,
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


@cache
def schema_of(subgraph: str) -> GraphQLSchema:
    text = (ROOT / "subgraphs" / subgraph / "schema.graphql").read_text()
    return build_ast_schema(parse(text), assume_valid=True, assume_valid_sdl=True)


def entities(subgraph: str) -> list[str]:
    members = schema_of(subgraph).type_map["_Entity"]
    return [member.name for member in members.types]  # type: ignore[attr-defined]


def fields_of(schema: GraphQLSchema, name: str) -> dict[str, str]:
    """How to select each field of a type that needs no argument, one level deep."""
    fields = {}
    graphql_type = schema.type_map[name]
    assert isinstance(graphql_type, GraphQLObjectType)
    for field_name, field in graphql_type.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        of = get_named_type(field.type)
        if is_leaf_type(of):
            fields[field_name] = field_name
        elif "totalCount" in getattr(of, "fields", {}):
            fields[field_name] = f"{field_name} {{ totalCount }}"
        else:
            fields[field_name] = f"{field_name} {{ __typename }}"
    return fields


CASES = [(subgraph, entity) for subgraph in SUBGRAPHS for entity in entities(subgraph)]


@dataclass(frozen=True)
class Victim:
    """Somebody, and the ids of their private things by entity type."""

    person: Api
    ids: dict[str, str]


async def make_victim(campus: Campus) -> Victim:
    instructor, organization_id = await campus.instructor("Vera")
    course = await add_course(instructor, organization_id, 2, visibility="PRIVATE")
    await instructor.do(
        "inviteMember",
        organizationId=organization_id,
        email="invited@example.com",
        role="STUDENT",
    )
    client = await instructor.do(
        "createApiClient",
        "client { id }",
        organizationId=organization_id,
        name="Reports",
        scopes=["courses:read"],
    )
    return Victim(
        instructor,
        {
            "User": str(instructor.user_id),
            "Organization": organization_id,
            "Course": course.id,
            "Lesson": course.lesson_ids[0],
            "Enrollment": await enroll(instructor, course.id),
            "Client": client["client"]["id"],
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
    fields = " ".join(fields_of(schema_of(subgraph), entity).values())
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


PUBLIC_SCHEMA = build_schema((ROOT / "router" / "schema.graphql").read_text())
PROFILE = {"id", "name", "avatarUrl", "bio", "createdAt", "coursesTaught"}
SIGN = {"id", "name", "slug", "createdAt", "courses"}


async def through_the_gateway(caller: Api, victim: Victim) -> dict[str, Any]:
    """Everything that `caller` is told of the things of a victim by their ids."""
    user = " ".join(fields_of(PUBLIC_SCHEMA, "User").values())
    organization = " ".join(fields_of(PUBLIC_SCHEMA, "Organization").values())
    found: dict[str, Any] = await caller.ask(
        f"""query ($course: UUID!, $lesson: UUID!, $enrollment: UUID!, $user: UUID!, $org: UUID!) {{
          course(id: $course) {{ id }} lesson(id: $lesson) {{ id }}
          enrollment(id: $enrollment) {{ id }}
          user(id: $user) {{ {user} }} organization(id: $org) {{ {organization} }} }}""",
        course=victim.ids["Course"],
        lesson=victim.ids["Lesson"],
        enrollment=victim.ids["Enrollment"],
        user=victim.ids["User"],
        org=victim.ids["Organization"],
    )
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_a_foreign_id_through_the_gateway_finds_nothing(campus: Campus, role: str) -> None:
    victim = await make_victim(campus)
    found = await through_the_gateway(await stranger(campus, role), victim)
    user, organization = found.pop("user"), found.pop("organization")
    assert found == {"course": None, "lesson": None, "enrollment": None}
    assert user["coursesTaught"] == organization["courses"] == {"totalCount": 0}  # it is private
    assert {name: value for name, value in user.items() if name not in PROFILE} == {
        "email": None,
        "locale": None,
        "timeZone": None,
        "isActive": None,
        "isOperator": None,
        "memberships": [],
        "sessions": None,
        "enrollments": {"totalCount": 0},
    }
    assert {name: value for name, value in organization.items() if name not in SIGN} == {
        "members": {"totalCount": 0},
        "invitations": {"totalCount": 0},
        "apiClients": {"totalCount": 0},
        "auditLog": {"totalCount": 0},
    }


async def test_the_owner_finds_all_of_it_through_the_gateway(campus: Campus) -> None:
    victim = await make_victim(campus)
    found = await through_the_gateway(victim.person, victim)
    user, organization = found.pop("user"), found.pop("organization")
    assert {name: thing["id"] for name, thing in found.items()} == {
        name: victim.ids[name.title()] for name in ("course", "lesson", "enrollment")
    }
    assert user["coursesTaught"] == organization["courses"] == {"totalCount": 1}
    assert {name: value for name, value in user.items() if name not in PROFILE} == {
        "email": victim.person.email,
        "locale": "en",
        "timeZone": "UTC",
        "isActive": True,
        "isOperator": False,
        "memberships": [{"__typename": "Membership"}],
        "sessions": [{"__typename": "Session"}],
        "enrollments": {"totalCount": 1},
    }
    assert {name: value for name, value in organization.items() if name not in SIGN} == {
        "members": {"totalCount": 1},
        "invitations": {"totalCount": 1},
        "apiClients": {"totalCount": 1},
        "auditLog": {"totalCount": 3},
    }
