"""The seed: real courses, the promised numbers, the same story in all three databases."""

import json
import subprocess
import sys
from typing import Any

import asyncpg
import httpx

from infra.bootstrap.parts import ROOT
from infra.stack import Stack

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
    "users": "SELECT (SELECT count(*) FROM organizations), (SELECT count(*) FROM users)",
    "courses": """SELECT count(*), sum(enrollment_count), (SELECT count(*) FROM entitlements),
        (SELECT sum(cardinality(completed_lesson_ids)) FROM entitlements),
        (SELECT count(*) FROM search_documents) FROM courses""",
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
        "users": (3, 200),
        "courses": (30, 1_600, 1_600, 12_000, 30),
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
