"""Who asks in a benchmark: learners of the seed, with access tokens and something to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from infra.stack import Stack
from subgraphs.kernel.db import open_database
from subgraphs.users.gateways.crypto import Vault
from subgraphs.users.models import Role, User
from subgraphs.users.service.keys import KeyRing
from subgraphs.users.service.tokens import Mint

COURSES = 3  # whose pages each learner looks at, in turn

# One row a learner's open enrollment whose next lesson but one is open and not the last of the
# course, so that completing it and taking that back can go on for ever.
_OPEN = """
    SELECT e.id, e.user_id, e.version, v.lesson_ids[e.completed_count + 1] AS lesson_id
    FROM enrollments e
    JOIN course_versions v ON v.version_id = e.version_id
    WHERE e.status = 'ACTIVE' AND e.completed_count < e.lesson_count - 1
        AND NOT v.rules::text LIKE '%"days"%'
    ORDER BY row_number() OVER (PARTITION BY e.user_id ORDER BY e.id), e.user_id
    LIMIT $1
"""
_SLUGS = """
    SELECT e.user_id, (array_agg(c.slug ORDER BY e.enrolled_at DESC, e.id))[:$2] AS slugs
    FROM enrollments e JOIN courses c USING (course_id)
    WHERE e.user_id = ANY($1) AND e.status <> 'REVOKED' GROUP BY e.user_id
"""


@dataclass(frozen=True)
class Learner:
    """Someone who asks. Two of them may be the same person with different enrollments."""

    user_id: UUID
    token: str
    slugs: list[str]  # of courses they are enrolled in
    enrollment_id: UUID
    lesson_id: UUID  # the next one of that enrollment
    cursor: int  # the number of that enrollment's last event


async def learners(stack: Stack, count: int) -> list[Learner]:
    """Find `count` learners of the seed; fewer where it is too small."""
    learning = await _connect(stack, "learning")
    try:
        found = await learning.fetch(_OPEN, count)
        ids = list({row["user_id"] for row in found})
        slugs = dict(await learning.fetch(_SLUGS, ids, COURSES))
    finally:
        await learning.close()
    tokens = await _tokens(stack, ids)
    return [
        Learner(
            row["user_id"],
            tokens[row["user_id"]],
            slugs[row["user_id"]],
            row["id"],
            row["lesson_id"],
            row["version"],
        )
        for row in found
    ]


async def _tokens(stack: Stack, ids: list[UUID]) -> dict[UUID, str]:
    """Sign access tokens with the key of users.

    A thousand logins would take argon2 half a minute, and are none of the scenarios.
    """
    environment = stack.environment
    async with open_database(environment["USERS_DATABASE_URL"], name="bench") as db:
        signer = await KeyRing(Vault(environment["USERS_KEY_SECRET"])).signer(db)
    mint = Mint(signer, environment["POLYNODE_PUBLIC_URL"])
    users = await _connect(stack, "users")
    try:
        rows = await users.fetch(
            "SELECT user_id, organization_id, role FROM memberships WHERE user_id = ANY($1)", ids
        )
    finally:
        await users.close()
    roles: dict[UUID, dict[UUID, Role]] = {id: {} for id in ids}
    for row in rows:
        roles[row["user_id"]][row["organization_id"]] = Role[row["role"]]
    return {id: _token(mint, id, roles[id]) for id in ids}


def _token(mint: Mint, user_id: UUID, roles: Mapping[UUID, Role]) -> str:
    session_id = user_id  # no session is looked up for an access token
    return mint.for_person(User(id=user_id, is_operator=False), roles, session_id).text


async def _connect(stack: Stack, name: str) -> Any:
    url = stack.database_url(name).replace("+asyncpg", "")
    return await asyncpg.connect(url)  # type: ignore[no-untyped-call]
