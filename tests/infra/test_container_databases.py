"""The script that a new database container runs, run against a real Postgres."""

import os
import subprocess
from pathlib import Path

import asyncpg
import pytest

from infra.bootstrap.parts import ROOT
from infra.stack import Stack, binaries
from infra.stack.credentials import SUBGRAPHS
from tests.support.stack import MakeStack

SCRIPT = ROOT / "infra" / "docker" / "databases.sh"
AWKWARD = "it's; DROP \\ :quoted"


@pytest.fixture
def empty(make_stack: MakeStack) -> Stack:
    """A server as the container's is at first: without our databases and roles."""
    stack = make_stack(only=("postgres",))
    script = "".join(f"DROP DATABASE {name}; DROP ROLE {name};\n" for name in SUBGRAPHS)
    _psql(stack, script)
    return stack


def _environment(stack: Stack) -> dict[str, str]:
    password = stack.admin_url.split(":")[2].split("@")[0]
    return {
        "PATH": f"{binaries.postgres('psql').parent}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": str(stack.folder.postgres_socket),
        "PGPASSWORD": password,
        "POSTGRES_USER": "postgres",
    }


def _psql(stack: Stack, script: str) -> None:
    command = [str(binaries.postgres("psql")), "--username", "postgres", "--quiet"]
    command += ["--set", "ON_ERROR_STOP=1", "--dbname", "postgres"]
    subprocess.run(  # noqa: S603, our own command
        command, input=script, env=_environment(stack), text=True, check=True
    )


async def _verdict(socket: Path, role: str, database: str) -> str:
    try:
        connection = await asyncpg.connect(  # type: ignore[no-untyped-call]
            host=str(socket), user=role, password=f"{AWKWARD} {role}", database=database
        )
    except asyncpg.InsufficientPrivilegeError:
        return "refused"
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE TABLE mine (id int)")
    await connection.close()
    return "owns"


def _run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        ["bash", str(SCRIPT)],  # noqa: S607
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_it_gives_each_role_its_own_database_and_no_other(empty: Stack) -> None:
    passwords = {f"{name.upper()}_DATABASE_PASSWORD": f"{AWKWARD} {name}" for name in SUBGRAPHS}
    made = _run(_environment(empty) | passwords)

    socket = empty.folder.postgres_socket
    verdicts = {
        (role, database): await _verdict(socket, role, database)
        for role in SUBGRAPHS
        for database in (*SUBGRAPHS, "postgres")
    }

    assert (made.returncode, made.stderr) == (0, "")
    owned = {pair for pair, verdict in verdicts.items() if verdict == "owns"}
    assert owned == {(name, name) for name in SUBGRAPHS}


def test_it_stops_when_a_password_is_missing(empty: Stack) -> None:
    result = _run(_environment(empty))

    assert (result.returncode, result.stderr) == (1, "USERS_DATABASE_PASSWORD is not set.\n")
