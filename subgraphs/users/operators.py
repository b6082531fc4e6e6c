"""`python -m subgraphs.users.operators`: say who operates the platform; no mutation can."""

import argparse
import asyncio
import sys

from subgraphs.kernel.db import open_database
from subgraphs.kernel.errors import DomainError
from subgraphs.users.service import texts
from subgraphs.users.service.administration import set_operator
from subgraphs.users.settings import Settings


def main() -> int:
    """Grant or withdraw; a refusal is one line and status 1."""
    parser = argparse.ArgumentParser(
        prog="python -m subgraphs.users.operators", description=__doc__
    )
    parser.add_argument("command", choices=("grant", "withdraw"))
    parser.add_argument("email", help="the person's e-mail address")
    arguments = parser.parse_args()
    try:
        email = texts.email("email", arguments.email)
        asyncio.run(_set(email, is_operator=arguments.command == "grant"))
    except DomainError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _set(email: str, *, is_operator: bool) -> None:
    url = Settings().database_url.get_secret_value()
    async with open_database(url, name="users", pool_size=1) as db:
        user = await db.transact(set_operator, email, is_operator=is_operator)
    sys.stdout.write(f"{user.email} {'is' if user.is_operator else 'is not'} an operator.\n")


if __name__ == "__main__":
    sys.exit(main())
