"""Real servers for tests: two of them for the many, the whole stack for the few.

Every pytest session starts its own, on free ports and in its own folder, so sessions may run side
by side; the servers end with the session however it ends.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.stack import Stack

# A power cut may cost tests their data; a killed process may not, so commits stay synchronous.
HASTE = {"fsync": "off", "full_page_writes": "off"}
MakeStack = Callable[..., Stack]
UNMEASURED = {"COVERAGE_PROCESS_START": ""}
"""For stacks whose business is their pace: measuring coverage doubles what their processes take."""


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Postgres and Valkey, up in about a second; the databases are there and empty."""
    folder = tmp_path_factory.mktemp("stores")
    with Stack(folder, only=("postgres", "valkey"), postgres=HASTE) as stack:
        yield stack
    _discard(folder)


@pytest.fixture(scope="session")
def postgres(stores: Stack) -> Stack:
    """The store whose `database_url(subgraph)` and `admin_url` lead to Postgres."""
    return stores


@pytest.fixture(scope="session")
def valkey(stores: Stack) -> str:
    """The URL of Valkey, database 0."""
    return stores.valkey_url


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything `infra up` starts, without a seed; shared, so leave it as you found it."""
    folder = tmp_path_factory.mktemp("stack")
    with Stack(folder, postgres=HASTE) as stack:
        yield stack
    _discard(folder)


@pytest.fixture
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStack]:
    """Start a stack of one's own, to kill parts of it; a process a subgraph unless told otherwise.

    The flags are those of `infra.stack.Stack`.
    """
    made: list[tuple[Stack, Path]] = []

    def make(**options: Any) -> Stack:
        folder = tmp_path_factory.mktemp("own-stack")
        chosen: dict[str, Any] = {"separate": True, "postgres": HASTE, **options}
        stack = Stack(folder, **chosen)
        made.append((stack, folder))
        stack.up()
        return stack

    yield make
    for stack, folder in made:
        stack.down()
        _discard(folder)


def _discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
