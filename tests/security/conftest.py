from collections.abc import AsyncIterator, Iterator

import pytest

from infra.stack import Stack
from tests.support.campus import Campus, open_campus
from tests.support.collector import Collector, collecting
from tests.support.stack import HASTE, UNMEASURED

COST_PER_MINUTE = 3_000
SOCKETS_PER_USER = 3
PRODUCTION = {
    "POLYNODE_INTROSPECTION": "off",
    "POLYNODE_COST_PER_MINUTE": str(COST_PER_MINUTE),
    "GATEWAY_SOCKETS_PER_USER": str(SOCKETS_PER_USER),
    "GATEWAY_SOCKET_INIT_MS": "3000",
}
"""As in production, with limits small enough to be reached in a test."""


@pytest.fixture
async def campus(stack: Stack) -> AsyncIterator[Campus]:
    async with open_campus(stack.url) as campus:
        yield campus


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the processes of `strict` send their traces."""
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    """A stack with the settings of production and small limits; a process a subgraph."""
    folder = tmp_path_factory.mktemp("strict")
    environment = (
        PRODUCTION
        | UNMEASURED
        | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",  # milliseconds
        }
    )
    with Stack(folder, separate=True, postgres=HASTE, environment=environment) as stack:
        yield stack


@pytest.fixture
async def strict_campus(strict: Stack) -> AsyncIterator[Campus]:
    async with open_campus(strict.url) as campus:
        yield campus
