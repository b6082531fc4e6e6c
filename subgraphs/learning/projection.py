"""`python -m subgraphs.learning.projection rebuild [--verify]`: what the log says, goes."""

import argparse
import asyncio
import sys
from typing import Any

import asyncpg

from subgraphs.learning.progress import BrokenLogError
from subgraphs.learning.repository import replay
from subgraphs.learning.worker import create_worker


def main() -> int:
    """Rebuild the projection, or verify it: then the status is 1 if it differs from the log."""
    parser = argparse.ArgumentParser(
        prog="python -m subgraphs.learning.projection",
        description="Enrollments are a projection of the log of progress.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("rebuild", help="replay the log and put the projection right")
    command.add_argument("--verify", action="store_true", help="change nothing, tell differences")
    arguments = parser.parse_args()
    url = create_worker().settings.database_url.get_secret_value()
    try:
        return asyncio.run((verify if arguments.verify else rebuild)(url))
    except BrokenLogError as error:
        sys.stderr.write(f"The log is broken: {error}\n")
        return 1


async def rebuild(url: str) -> int:
    """Put the projection right, in one transaction; reads go on meanwhile, writes wait."""
    connection = await _connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE enrollments IN EXCLUSIVE MODE")
            count = await replay.replay(connection)
            wrong = await replay.replace(connection)
    finally:
        await connection.close()
    sys.stdout.write(f"{count} enrollments replayed, {wrong} rows put right.\n")
    return 0


async def verify(url: str) -> int:
    """Compare every enrollment with the log, both as of one moment; nothing waits."""
    connection = await _connect(url)
    found = 0
    try:
        async with connection.transaction(isolation="repeatable_read"):
            count = await replay.replay(connection)
            async for it in replay.differences(connection):
                found += 1
                told = f"{it.row} {it.column}: {it.stored!r}, by the log {it.replayed!r}"
                sys.stdout.write(f"{told}\n")
    finally:
        await connection.close()
    sys.stdout.write(f"{count} enrollments replayed, {found} differences.\n")
    return 1 if found else 0


async def _connect(url: str) -> Any:
    address = url.replace("postgresql+asyncpg://", "postgresql://", 1)
    connection: Any = await asyncpg.connect(address)  # type: ignore[no-untyped-call]
    return connection


if __name__ == "__main__":
    sys.exit(main())
