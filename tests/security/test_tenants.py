"""Two organizations on one platform: no query of one shows what is private to the other."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLNonNull, get_named_type, is_leaf_type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.stack import Stack
from tests.security.documents import roots
from tests.support.api import Api
from tests.support.campus import Campus, add_course, enroll, open_campus

EXAMPLES = 60
MOST_LEVELS = 4
SECRET_TEXT = "zebra"


@dataclass(frozen=True)
class Tenants:
    """Two of them; each caller is a member of the first one, by role."""

    url: str
    tokens: dict[str, str]
    ids: dict[str, list[str]]
    """Ids of the first and of the second organization's things, by entity type."""
    secrets: set[str]
    """What is private to the second organization."""


async def found(campus: Campus, word: str) -> tuple[Api, Api, dict[str, str], set[str]]:
    """An organization with all that can be private in it: admin, student, ids and secrets."""
    marker = f"{word}{uuid4().hex[:10]}"
    admin, organization_id = await campus.instructor(f"Adi{marker}")
    student = await campus.person(f"Stu{marker}")
    invited = await admin.do(
        "inviteMember",
        "token",
        organizationId=organization_id,
        email=student.email,
        role="STUDENT",
    )
    await student.do("acceptInvitation", token=invited["token"])
    await student.refresh()
    await admin.do(
        "inviteMember",
        organizationId=organization_id,
        email=f"open-{marker}@example.com",
        role="ADMIN",
    )
    await admin.do(
        "createApiClient",
        organizationId=organization_id,
        name=f"Client {marker}",
        scopes=["courses:read"],
    )
    course = await add_course(
        admin, organization_id, 2, title=f"Private {marker}", visibility="PRIVATE"
    )
    draft = await add_course(
        admin, organization_id, 1, publish=False, title=f"Draft {marker}", visibility="PUBLIC"
    )
    enrollment_id = await enroll(student, course.id)
    ids = {
        "Organization": organization_id,
        "User": str(student.user_id),
        "Course": course.id,
        "Lesson": course.lesson_ids[0],
        "Enrollment": enrollment_id,
    }
    secrets = {
        admin.email,
        student.email,
        f"open-{marker}@example.com",
        f"Client {marker}",
        f"Private {marker}",
        f"Draft {marker}",
        course.slug,
        draft.slug,
        course.id,
        draft.id,
        enrollment_id,
        *course.lesson_ids,
    }
    return admin, student, ids, secrets


async def make_tenants(url: str) -> Tenants:
    async with open_campus(url) as campus:
        admin, student, own, _ = await found(campus, "horse")
        _, _, foreign, secrets = await found(campus, SECRET_TEXT)
        ids = {name: [own[name], foreign[name]] for name in own}
        return Tenants(
            url, {"admin": str(admin.token), "student": str(student.token)}, ids, secrets
        )


@pytest.fixture(scope="module")
def tenants(stack: Stack) -> Tenants:
    return asyncio.run(make_tenants(stack.url))


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20) as client:
        yield client


class Writer:
    """Writes random queries that may hit either tenant."""

    def __init__(self, chance: random.Random, tenants: Tenants) -> None:
        self._chance = chance
        self._tenants = tenants
        self._budget = 25

    def query(self) -> str:
        names = self._chance.sample(sorted(roots("Query")), 3)
        return "{ " + " ".join(self._field(name, roots("Query")[name], 0) for name in names) + " }"

    def _field(self, name: str, field: Any, level: int) -> str:
        of = get_named_type(field.type)
        arguments = self._arguments(field, of.name)
        if is_leaf_type(of):
            return f"{name}{arguments}"
        self._budget -= 1
        fields = [
            (key, inner)
            for key, inner in of.fields.items()
            if is_leaf_type(get_named_type(inner.type))
            or (level < MOST_LEVELS and self._budget > 0)
        ]
        chosen = self._chance.sample(fields, min(len(fields), self._chance.randint(2, 8)))
        inner = " ".join(self._field(key, part, level + 1) for key, part in chosen)
        return f"{name}{arguments} {{ __typename {inner} }}"

    def _arguments(self, field: Any, of: str) -> str:
        values = {}
        for name, argument in field.args.items():
            required = isinstance(argument.type, GraphQLNonNull)
            if name == "id" and (required or "slug" in field.args):
                values[name] = f'"{self._chance.choice(self._tenants.ids[of])}"'
            elif name == "first":
                values[name] = str(self._chance.choice((2, 3, 5)))
            elif name in ("query", "search") and (required or self._chance.random() < 0.5):
                values[name] = f'"{self._chance.choice((SECRET_TEXT, "Private", "a", "e"))}"'
            elif name == "filter" and self._chance.random() < 0.5:
                organization = self._chance.choice(self._tenants.ids["Organization"])
                values[name] = f'{{organizationId: "{organization}"}}'
        return f"({', '.join(f'{k}: {v}' for k, v in values.items())})" if values else ""


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), role=st.sampled_from(["admin", "student"]))
def test_no_query_crosses_over(
    tenants: Tenants, client: httpx.Client, seed: int, role: str
) -> None:
    chance = random.Random(seed)  # noqa: S311, queries, not secrets
    query = Writer(chance, tenants).query()
    answer = client.post(
        f"{tenants.url}/graphql",
        json={"query": query},
        headers={"authorization": f"Bearer {tenants.tokens[role]}"},
    )
    assert "INTERNAL_SERVER_ERROR" not in answer.text, query
    leaked = {secret for secret in tenants.secrets if secret in str(answer.json().get("data"))}
    assert leaked == set(), query


def test_the_queries_find_what_is_there(tenants: Tenants, client: httpx.Client) -> None:
    """Without this the test above would pass with queries that are all refused."""
    answered, seen = 0, set()
    own = set(tenants.ids["Course"][:1] + tenants.ids["Organization"][:1] + tenants.ids["User"][:1])
    for seed in range(25):
        query = Writer(random.Random(seed), tenants).query()  # noqa: S311, queries, not secrets
        answer = client.post(
            f"{tenants.url}/graphql",
            json={"query": query},
            headers={"authorization": f"Bearer {tenants.tokens['admin']}"},
        )
        answered += "errors" not in answer.json()
        seen |= {id for id in own if id in answer.text}
    assert answered > 10
    assert seen == own
