from collections.abc import AsyncIterator, Iterator

import pytest

from infra.stack import Stack
from tests.support.campus import Campus, open_campus
from tests.support.stack import HASTE

COST_PER_MINUTE = 3_000
SOCKETS_PER_USER = 3
PRODUCTION = {
    "POLYNODE_INTROSPECTION": "off",
    "POLYNODE_COST_PER_MINUTE": str(COST_PER_MINUTE),
    "GATEWAY_SOCKETS_PER_USER": str(SOCKETS_PER_USER),
    "GATEWAY_SOCKET_INIT_MS": "1000",
}
"""As in production, with limits small enough to be reached in a test."""


@pytest.fixture
async def campus(stack: Stack) -> AsyncIterator[Campus]:
    async with open_campus(stack.url) as campus:
        yield campus


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the settings of production and small limits; a process a subgraph."""
    folder = tmp_path_factory.mktemp("strict")
    with Stack(folder, separate=True, postgres=HASTE, environment=PRODUCTION) as stack:
        yield stack


@pytest.fixture
async def strict_campus(strict: Stack) -> AsyncIterator[Campus]:
    async with open_campus(strict.url) as campus:
        yield campus
