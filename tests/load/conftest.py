from collections.abc import Iterator

import pytest

from infra.stack import Stack
from tests.load.servers import NO_LIMIT
from tests.support.stack import UNMEASURED


@pytest.fixture(scope="package")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack on the small seed, which its start has made."""
    folder = tmp_path_factory.mktemp("seeded")
    with Stack(
        folder,
        seed="small",
        processes=1,
        postgres={"fsync": "off"},
        environment=NO_LIMIT | UNMEASURED,
    ) as stack:
        yield stack
