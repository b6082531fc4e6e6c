"""The relay, one batch at a time."""

from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.relay import leadership, send_batch

SHELF = "shelf"
"""The topic of these tests."""


async def send_all(db: Database, bus: Bus) -> None:
    """Send all that is due."""
    async with leadership(db.engine, "test") as connection:
        while await send_batch(connection, bus):
            pass
