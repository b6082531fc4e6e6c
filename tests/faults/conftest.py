"""One whole system that the tests here take turns at breaking; each leaves it whole."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from infra.stack import Stack
from tests.faults import figures
from tests.faults.figures import Figure
from tests.support.campus import Campus, open_campus
from tests.support.stack import HASTE, UNMEASURED

PARTS = ("postgres", "valkey", "users", "courses", "learning", "worker", "gateway", "edge")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A process a subgraph, so that each can fail alone; no seed."""
    folder = tmp_path_factory.mktemp("faults")
    with Stack(folder, separate=True, postgres=HASTE, environment=UNMEASURED) as stack:
        yield stack


@pytest.fixture
def system(whole: Stack) -> Iterator[Stack]:
    """The system, healthy before and after a test."""
    for part in PARTS:
        whole.wait(part)
    yield whole
    for part in PARTS:
        whole.wait(part)


@pytest.fixture
async def campus(system: Stack) -> AsyncIterator[Campus]:
    async with open_campus(system.url) as campus:
        yield campus


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Record what a row of the fault table measured: `figure("R12", seconds=1.2)`."""

    def record(row: str, **measured: object) -> None:
        for name, value in measured.items():
            record_property(f"{row} {name}", value)
        figures.write(row, measured)

    return record
