"""Mistakes at the command line: one clear line, a non-zero code, nothing half-done."""

import ast
import sys
from pathlib import Path

import asyncpg
import pytest

from infra.cli import COMMANDS
from infra.stack import Stack
from tests.infra.conftest import STORES, Infra, infra


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    told = infra(command, "--help", prefix=[])

    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"usage: python3 -m infra {command}")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "the following arguments are required: COMMAND (see python3 -m infra --help)"),
        (
            ("up", "--prot", "1"),
            "unrecognized arguments: --prot 1 (see python3 -m infra up --help)",
        ),
        (("up", "--port", "x"), "argument --port: 'x' is no port (see python3 -m infra up --help)"),
        (
            ("up", "--postgres", "jit"),
            "argument --postgres: 'jit' is not NAME=VALUE (see python3 -m infra up --help)",
        ),
        (
            ("import", "lessons"),
            "the following arguments are required: --organization "
            "(see python3 -m infra import --help)",
        ),
    ],
)
def test_a_wrong_flag_is_one_line(words: tuple[str, ...], complaint: str) -> None:
    told = infra(*words, prefix=[])

    assert (told.code, told.out, told.err) == (2, "", f"polynode: {complaint}\n")


def test_an_unknown_command_is_one_line_with_the_known_ones() -> None:
    told = infra("start", prefix=[])

    assert told.code == 2
    assert told.err.startswith("polynode: argument COMMAND: invalid choice: 'start'")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("command", ["down", "status", "logs", "reset"])
def test_a_folder_without_data_is_told(run: Infra, data: Path, command: str) -> None:
    told = run(command)

    assert told.code == 1
    assert told.err == (
        f"polynode: There is no Polynode data in {data}. Start with: python3 -m infra up\n"
    )
    assert not data.exists()


def test_a_folder_of_someone_elses_files_is_left_alone(run: Infra, data: Path) -> None:
    data.mkdir()
    (data / "thesis.txt").write_text("mine")

    told = run("up", *STORES)

    assert told.code == 1
    assert told.err == f"polynode: The folder {data} is not empty and holds no Polynode data.\n"
    assert [path.name for path in data.iterdir()] == ["thesis.txt"]


def test_a_file_where_the_folder_should_be(run: Infra, data: Path) -> None:
    data.write_text("mine")

    told = run("up", *STORES)

    assert (told.code, told.err) == (
        1,
        f"polynode: Cannot use the data folder {data}: File exists.\n",
    )


def test_a_missing_router_is_told_before_anything_is_made(run: Infra, data: Path) -> None:
    nowhere = {"POLYNODE_APOLLO_ROUTER": "/nowhere/router"}

    told = run("up", "--router", "apollo", environment=nowhere)

    assert told.code == 1
    assert told.err == (
        "polynode: Apollo Router is missing: /nowhere/router is not a program. "
        "Set POLYNODE_APOLLO_ROUTER to its file.\n"
    )
    assert not data.exists()


def test_an_unknown_part_is_told_with_the_known_ones(run: Infra) -> None:
    told = run("up", "--only", "nginx")

    assert told.code == 1
    assert "polynode: There is no part 'nginx'; there are: postgres, valkey, migrate" in told.err


def test_a_setting_that_postgres_refuses_ends_the_start(run: Infra) -> None:
    told = run("up", *STORES, "--postgres", "shared_buffers=lots")

    assert told.code == 1
    assert "polynode: postgres does not start: " in told.err
    assert 'invalid value for parameter "shared_buffers": "lots"' in told.err
    assert run("status").err.startswith("polynode: Nothing is running on ")


async def test_a_failed_migration_ends_the_start_and_everything_with_it(
    run: Infra, data: Path
) -> None:
    with Stack(data, only=("postgres",)) as stack:
        connection = await asyncpg.connect(  # type: ignore[no-untyped-call]
            stack.database_url("users").replace("+asyncpg", "")
        )
        await connection.execute("CREATE TABLE alembic_version (version_num text PRIMARY KEY)")
        await connection.execute("INSERT INTO alembic_version VALUES ('from_the_future')")
        await connection.close()

    told = run("up", "--only", "migrate")

    assert told.code == 1
    assert "polynode: migrate failed: " in told.err
    assert "from_the_future" in told.err
    assert told.err.count("\n") == 1
    assert run("status").err.startswith("polynode: Nothing is running on ")


def test_an_old_python_gets_a_sentence() -> None:
    """Compiled as an old Python would: nothing before the check may be newer than 3.6."""
    source = Path(sys.modules["infra"].__file__ or "").with_name("__main__.py").read_text()

    ast.parse(source, feature_version=(3, 7))
    assert source.index("sys.exit(2)") < source.index("from infra.entry")
