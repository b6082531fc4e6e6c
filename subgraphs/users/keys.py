"""`python -m subgraphs.users.keys`: look at the signing keys, and change them without a restart."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime

from subgraphs.kernel.db import open_database
from subgraphs.users.gateways.crypto import Vault
from subgraphs.users.repository import keys as repository
from subgraphs.users.service import keys
from subgraphs.users.settings import Settings


def main() -> int:
    """Run one command; a refusal is one line and status 1."""
    parser = argparse.ArgumentParser(prog="python -m subgraphs.users.keys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show the keys that are published")
    rotate = commands.add_parser("rotate", help="let the next key sign")
    rotate.add_argument(
        "--compromised",
        action="store_true",
        help="withdraw the old key at once: within half a minute nobody trusts it any more, and "
        "everyone's next request fetches a new token",
    )
    arguments = parser.parse_args()
    try:
        asyncio.run(_rotate(arguments.compromised) if arguments.command == "rotate" else _list())
    except keys.KeyTooYoungError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _list() -> None:
    settings = Settings()
    url = settings.database_url.get_secret_value()
    async with open_database(url, name="users", pool_size=1) as db, db.read() as session:
        for row in await repository.published_keys(session, datetime.now(UTC) - keys.OVERLAP):
            moment = row.retired_at or row.created_at
            sys.stdout.write(f"{row.id}  {row.status.value:<8}  {moment:%Y-%m-%d %H:%M:%S}\n")


async def _rotate(compromised: bool) -> None:  # noqa: FBT001, a flag of the command line
    settings = Settings()
    vault = Vault(settings.key_secret.get_secret_value())
    url = settings.database_url.get_secret_value()
    async with open_database(url, name="users", pool_size=1) as db:
        await db.transact(keys.create_first, vault)
        active = await db.transact(keys.rotate, vault, compromised=compromised)
    sys.stdout.write(f"{active.id} signs now.\n")


if __name__ == "__main__":
    sys.exit(main())
