"""The seed: real courses, the promised numbers, the same story in all three databases."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from infra.bootstrap.parts import ROOT
from infra.stack import Stack
from tests.support.stack import HASTE

MEMBERS = 138
"""How many people of the small seed belong to an organization."""

LOGIN = """
mutation($input: LoginInput!) {
  login(input: $input) { __typename ... on LoginSuccess { user { memberships { role } } } }
}
"""


def run(stack: Stack, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603, our own commands
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def seed(stack: Stack, size: str) -> "subprocess.CompletedProcess[str]":
    folder = stack.folder
    words = ("--size", size, "--data", str(folder.root), "--demo", str(folder.demo))
    return run(stack, "infra.seed", *words)


async def row(stack: Stack, database: str, query: str) -> tuple[Any, ...]:
    url = stack.database_url(database).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
    try:
        return tuple(await connection.fetchrow(query))
    finally:
        await connection.close()


COUNTS = {
    "users": """SELECT (SELECT count(*) FROM organizations), (SELECT count(*) FROM users),
        (SELECT count(*) FROM memberships)""",
    "courses": """SELECT count(*), sum(enrollment_count), (SELECT count(*) FROM entitlements),
        (SELECT sum(cardinality(completed_lesson_ids)) FROM entitlements),
        (SELECT count(*) FROM search_documents), (SELECT count(*) FROM members) FROM courses""",
    "learning": """SELECT count(*), sum(enrollment_count), (SELECT count(*) FROM enrollments),
        (SELECT sum(completed_count) FROM enrollments),
        (SELECT count(*) FILTER (WHERE kind = 'LESSON_COMPLETED')
            - count(*) FILTER (WHERE kind = 'LESSON_UNCOMPLETED') FROM progress_events)
        FROM courses""",
}


async def counts(stack: Stack) -> dict[str, tuple[Any, ...]]:
    return {name: await row(stack, name, query) for name, query in COUNTS.items()}


async def test_the_databases_hold_what_was_promised_and_agree(seeded: Stack) -> None:
    # Also after a benchmark: whatever it completes it takes back.
    assert await counts(seeded) == {
        "users": (3, 200, MEMBERS),
        "courses": (30, 1_600, 1_600, 12_000, 30, MEMBERS),
        "learning": (30, 1_600, 1_600, 12_000, 12_000),
    }
    verified = run(seeded, "subgraphs.learning.projection", "rebuild", "--verify")
    assert verified.returncode == 0, verified.stdout


async def test_two_real_courses_are_there_in_several_languages(seeded: Stack) -> None:
    query = "SELECT count(*), count(DISTINCT language) FROM courses WHERE slug LIKE '{}%'"
    assert await row(seeded, "courses", query.format("javascripting")) == (4, 4)
    assert await row(seeded, "courses", query.format("learnyounode")) == (4, 4)


async def test_a_second_run_changes_nothing_and_another_size_is_refused(seeded: Stack) -> None:
    before = await counts(seeded)
    assert seed(seeded, "small").stdout == "The small seed is there already.\n"
    refused = seed(seeded, "large")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "hold the small seed already" in refused.stderr
    assert await counts(seeded) == before


def test_the_demo_logins_work(seeded: Stack) -> None:
    logins = json.loads(seeded.folder.demo.read_text())
    roles = {}
    for login in logins:
        answer = httpx.post(
            f"http://127.0.0.1:{seeded.layout.public_port}/graphql",
            json={
                "query": LOGIN,
                "variables": {"input": {"email": login["email"], "password": login["password"]}},
            },
            timeout=30,
        ).json()
        memberships = answer["data"]["login"]["user"]["memberships"]
        roles[login["label"]] = [membership["role"] for membership in memberships]
    assert roles == {
        "Learner": ["STUDENT"],
        "Instructor": ["INSTRUCTOR"],
        "Admin": ["ADMIN"],
        "Operator": [],
    }


@pytest.fixture
def unseeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Databases at head, and nothing in them."""
    folder = tmp_path_factory.mktemp("unseeded")
    with Stack(folder, only=("postgres", "valkey"), postgres=HASTE) as stack:
        migrated = run(stack, "subgraphs", "migrate", "users", "courses", "learning")
        assert migrated.returncode == 0, migrated.stderr
        yield stack


async def change(stack: Stack, database: str, *statements: str) -> None:
    connection = await asyncpg.connect(  # type: ignore[no-untyped-call]
        stack.database_url(database).replace("+asyncpg", "")
    )
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


COURSE = """
INSERT INTO courses (id, organization_id, slug, title, status, visibility, is_free, sequential,
    instructor_ids, prerequisite_course_ids, lesson_count, has_draft_changes, enrollment_count,
    rating_sum, review_count, rating, version)
VALUES (uuidv7(), uuidv7(), '{}', 'Mine', 'DRAFT', 'PUBLIC', true, false, '{{}}', '{{}}', 0, true,
    0, 0, 0, 0, 1)
"""
LEFT = """
INSERT INTO entitlements (user_id, course_id, enrollment_id, version_id, enrolled_at, active)
SELECT uuidv7(), id, uuidv7(), uuidv7(), now(), false FROM courses WHERE slug = 'mine'
"""


async def test_what_is_in_the_way_is_said_in_a_line_and_what_was_there_stays_as_it_is(
    unseeded: Stack,
) -> None:
    await change(unseeded, "courses", COURSE.format("mine"), COURSE.format("javascripting"), LEFT)

    refused = seed(unseeded, "small")
    assert (refused.returncode, refused.stderr) == (
        1,
        "polynode: The databases hold something that is in the way: "
        "The slug 'javascripting' is taken.\n",
    )
    assert await row(unseeded, "courses", "SELECT count(*) FROM courses") == (2,)

    await change(unseeded, "courses", "DELETE FROM courses WHERE slug = 'javascripting'")
    assert seed(unseeded, "small").returncode == 0
    mine = "SELECT enrollment_count FROM courses WHERE slug = 'mine'"
    assert await row(unseeded, "courses", mine) == (0,)
    total = "SELECT count(*), sum(enrollment_count) FROM courses"
    assert await row(unseeded, "courses", total) == (31, 1_600)
