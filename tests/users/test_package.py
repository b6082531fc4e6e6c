"""What users promises to those who build on it: its schema, its tables, its command line."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from subgraphs.kernel import migrate
from subgraphs.kernel.graphql.descriptions import undescribed
from subgraphs.users.schema import schema
from tests.users.people import Person

SDL = Path("subgraphs/users/schema.graphql")


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert SDL.read_text() == schema.as_str() + "\n"


def test_nothing_public_is_without_a_description() -> None:
    ours = [name for name in undescribed(schema._schema) if not name.startswith("link__")]
    assert set(ours) <= {"UUID", "FieldSet"}


@pytest.mark.usefixtures("empty")
async def test_the_migrations_make_the_tables_that_the_models_describe(url: str) -> None:
    await migrate.check("users", url)


async def test_operators_are_made_on_the_command_line(
    ada: Person, environment: Callable[..., dict[str, str]]
) -> None:
    variables = environment()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "subgraphs.users.operators", *words]
        return subprocess.run(  # noqa: S603, ourselves
            command, env=variables, capture_output=True, text=True, check=False
        )

    granted = await asyncio.to_thread(run, "grant", ada.email)
    assert (granted.returncode, granted.stdout) == (0, f"{ada.email} is an operator.\n")
    assert (await ada.log_in()).viewer.is_operator
    unknown = await asyncio.to_thread(run, "withdraw", "nobody@example.com")
    assert unknown.stderr == "User nobody@example.com does not exist.\n"
    assert unknown.returncode == 1
