"""Every resolver breaks, and clients learn nothing but an id that the log knows, too."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLEnumType, get_named_type, parse, validate

from infra.stack import Stack
from subgraphs.kernel.auth.gateway import CLIENT_HEADER
from tests.security.documents import SCHEMA, operation, roots
from tests.security.test_foreign_ids import CASES, fields_of, schema_of
from tests.support.api import PASSWORD, Api
from tests.support.campus import Campus, add_course, enroll
from tests.support.inside import ask_inside
from tests.support.intruder import campus_from, database, operator
from tests.support.logbook import everything

SUBGRAPHS = ("users", "courses", "learning")
LEAKS = re.compile(
    r"permission denied|relation|asyncpg|sqlalchemy|psycopg|select\b|insert\b|\btable\b|traceback"
    r"|\.py\b|/work|postgresql|127\.0\.0\.1:|site-packages|InsufficientPrivilege|line \d+",
    re.IGNORECASE,
)
"""Words of the inside; none of our messages has one of them."""

HIDDEN = {"SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"}
VALUES = {
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "DateTime": "2030-01-01T00:00:00Z",
    "scopes": "courses:read",
    "locale": "en",
    "timeZone": "Europe/Paris",
    "password": PASSWORD,
    "newPassword": PASSWORD,
    "currentPassword": PASSWORD,
}
"""Values that pass the first checks, by type or by name."""

DEPTH = 2
UNHARMED: dict[str, dict[str, set[str]]] = {
    "users": {"User": set(), "Organization": set()},
    "courses": {"Course": set(), "Lesson": set(), "User": {"id"}, "Organization": {"id"}},
    "learning": {
        "Enrollment": set(),
        "Course": {"id"},
        "Lesson": set(),
        "User": {"id"},
    },
}
"""Fields of references that are resolved without reading any table: the keys themselves."""


@asynccontextmanager
async def broken(stack: Stack, subgraph: str) -> AsyncIterator[None]:
    """Take every right to its own tables away from a subgraph."""
    everything = "ON ALL TABLES IN SCHEMA public"
    async with database(stack, subgraph, admin=True) as connection:
        await connection.execute(f"REVOKE ALL {everything} FROM {subgraph}")
        try:
            yield
        finally:
            await connection.execute(f"GRANT ALL {everything} TO {subgraph}")


def values(ids: dict[str, str]) -> Any:
    def value(name: str, type_: Any) -> Any:
        of = get_named_type(type_)
        if isinstance(of, GraphQLEnumType):
            return next(iter(of.values))
        if of.name == "UUID":
            return ids.get(name, str(uuid4()))
        if "email" in name:
            return f"leak-{uuid4().hex[:8]}@example.com"
        return VALUES.get(name) or VALUES.get(of.name, f"text-{uuid4().hex[:8]}")

    return value


async def ask_everything(caller: Api, ids: dict[str, str]) -> dict[str, Any]:
    """Every query and mutation once, by the name of its root field."""
    answers = {}
    for kind in ("Query", "Mutation"):
        for name in roots(kind):
            optional = ("id",) if name in ("course", "organization") else ()
            body = operation(
                kind, name, values(ids), optional, depth=DEPTH if kind == "Query" else 0
            )
            answers[name] = (await caller.post(body)).json()
    return answers


def test_the_documents_that_are_asked_are_valid() -> None:
    documents = [
        operation(kind, name, values({}), ("id",), depth=DEPTH if kind == "Query" else 0)["query"]
        for kind in ("Query", "Mutation")
        for name in roots(kind)
    ]
    assert [error for text in documents for error in validate(SCHEMA, parse(text))] == []


async def furnished(stack: Stack, campus: Campus) -> tuple[Api, dict[str, str]]:
    """Somebody who may do everything to something, and the ids of that."""
    person = await operator(stack, campus)
    slug = f"acme-{uuid4().hex[:8]}"
    made = await person.do("createOrganization", "organization { id }", name="Acme", slug=slug)
    organization_id = made["organization"]["id"]
    await person.refresh()
    course = await add_course(person, organization_id, 2)
    enrollment_id = await enroll(person, course.id)
    return person, {
        "id": course.id,
        "courseId": course.id,
        "organizationId": organization_id,
        "lessonId": course.lesson_ids[0],
        "enrollmentId": enrollment_id,
    }


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
async def test_a_fault_shows_an_id_and_nothing_else(
    strict: Stack, subgraph: str, record_property: Any
) -> None:
    number = SUBGRAPHS.index(subgraph) + 1
    async with campus_from(strict, f"127.53.0.{number}") as campus:
        person, ids = await furnished(strict, campus)
        async with broken(strict, subgraph):
            answers = await ask_everything(person, ids)
    assert not LEAKS.search(json.dumps(answers)), LEAKS.findall(json.dumps(answers))
    faults = {
        name: error
        for name, answer in answers.items()
        for error in answer.get("errors", [])
        if error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    }
    own = schema_of(subgraph)
    assert own.query_type
    assert own.mutation_type
    resolvers = {*own.query_type.fields, *own.mutation_type.fields} & set(answers)
    assert resolvers - set(faults) == set()
    assert {error["message"] for error in faults.values()} == {"Something went wrong on our side."}
    log = everything(strict.folder)[subgraph]
    assert PASSWORD not in log
    assert person.email not in log
    assert [error for error in faults.values() if error["extensions"]["errorId"] not in log] == []
    record_property("faults", len(faults))


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
async def test_every_broken_field_of_an_entity_shows_an_id_and_nothing_else(
    strict: Stack, subgraph: str, record_property: Any
) -> None:
    number = SUBGRAPHS.index(subgraph) + 1
    unharmed: dict[str, set[str]] = {}
    faults: list[Any] = []
    async with campus_from(strict, f"127.53.1.{number}") as campus:
        person, ids = await furnished(strict, campus)
        ids |= {"userId": str(person.user_id)}
        async with broken(strict, subgraph):
            for entity in (entity for owner, entity in CASES if owner == subgraph):
                reference = {"__typename": entity, "id": ids[f"{entity.lower()}Id"]}
                unharmed[entity] = set()
                for name, selected in fields_of(schema_of(subgraph), entity).items():
                    document = f"""query ($r: [_Any!]!) {{
                        _entities(representations: $r) {{ ... on {entity} {{ {selected} }} }} }}"""
                    response = await ask_inside(
                        strict,
                        campus.client,
                        subgraph,
                        document,
                        {"r": [reference]},
                        token=person.token,
                    )
                    assert not LEAKS.search(response.text), (entity, name, response.text)
                    errors = response.json().get("errors", [])
                    faults += errors
                    if not errors:
                        unharmed[entity].add(name)
    assert unharmed == UNHARMED[subgraph]
    assert {error["extensions"]["code"] for error in faults} == {"INTERNAL_SERVER_ERROR"}
    assert {error["message"] for error in faults} == {"Something went wrong on our side."}
    log = everything(strict.folder)[subgraph]
    assert [error for error in faults if error["extensions"]["errorId"] not in log] == []
    record_property("faults", len(faults))


async def test_a_fault_in_a_subscription_is_hidden_too(strict: Stack) -> None:
    async with campus_from(strict, "127.53.2.1") as campus:
        person, ids = await furnished(strict, campus)
        async with broken(strict, "learning"), person.socket() as socket:
            await socket.subscribe(
                "subscription ($id: UUID!) { progressUpdated(enrollmentId: $id) { cursor } }",
                {"id": ids["enrollmentId"]},
            )
            message = json.dumps(await socket.next())
    assert not LEAKS.search(message)
    assert "errorId" in message


async def test_after_a_fault_everything_works_again(strict: Stack) -> None:
    async with campus_from(strict, "127.53.3.1") as campus:
        person, ids = await furnished(strict, campus)
        for subgraph in SUBGRAPHS:
            async with broken(strict, subgraph):
                await asyncio.gather(*(person.post({"query": "{ viewer { name } }"}) for _ in "12"))
        page = "query ($id: UUID!) { course(id: $id) { id organization { id } enrollmentCount } }"
        assert (await person.ask(page, id=ids["id"]))["course"] == {
            "id": ids["id"],
            "organization": {"id": ids["organizationId"]},
            "enrollmentCount": 1,
        }
        assert CLIENT_HEADER not in (await person.post({"query": page})).headers
