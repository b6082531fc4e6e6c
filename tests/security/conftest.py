from collections.abc import AsyncIterator

import pytest

from infra.stack import Stack
from tests.support.campus import Campus, open_campus


@pytest.fixture
async def campus(stack: Stack) -> AsyncIterator[Campus]:
    async with open_campus(stack.url) as campus:
        yield campus
