"""What any router in front of the supergraph must do.

The set runs against the stack of these tests, or against the URL in `POLYNODE_CONFORMANCE_URL`:
that of another router, over subgraphs of its own. It makes the data that it needs. A router that
serves no subscriptions leaves them out: `pytest tests/conformance -m "not subscriptions"`.
"""

import os
from collections.abc import AsyncIterator

import pytest

from tests.support.campus import Campus, open_campus


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "subscriptions: needs a router that serves them")


@pytest.fixture
async def campus(request: pytest.FixtureRequest) -> AsyncIterator[Campus]:
    url = os.environ.get("POLYNODE_CONFORMANCE_URL")
    if not url:
        url = request.getfixturevalue("stack").url
    async with open_campus(url) as campus:
        yield campus
