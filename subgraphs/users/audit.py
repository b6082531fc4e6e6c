"""`python -m subgraphs.users.audit verify`: whether the audit log is what was written."""

import argparse
import asyncio
import sys

from subgraphs.kernel.db import open_database
from subgraphs.users.service import audit
from subgraphs.users.settings import Settings


def main() -> int:
    """Verify the log; status 1 and a line for each broken chain if it was tampered with."""
    parser = argparse.ArgumentParser(prog="python -m subgraphs.users.audit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("verify", help="read every chain from its beginning")
    parser.parse_args()
    return asyncio.run(_verify())


async def _verify() -> int:
    url = Settings().database_url.get_secret_value()
    async with open_database(url, name="users", pool_size=1) as db, db.begin() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        total, flaws = await audit.verify(session)
    for flaw in flaws:
        sys.stdout.write(f"Chain {flaw.chain_id}: entry {flaw.seq} {flaw.reason}.\n")
    if not flaws:
        sys.stdout.write(f"{total} entries, as they were written.\n")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
