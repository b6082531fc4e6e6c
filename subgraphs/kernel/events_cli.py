"""`python -m subgraphs events`: what waits, what was given up on, and sending it again."""

import argparse
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any
from uuid import UUID

from sqlalchemy import Table, func, select, update
from sqlalchemy.ext.asyncio import create_async_engine

from subgraphs.kernel.tables import INBOX_DEFERRED, OUTBOX


def add_command(commands: Any, names: Iterable[str]) -> None:
    """Add `events lag|dead|replay` to the command line."""
    known = list(names)

    def name(word: str) -> str:
        # `choices` would refuse its own default, which is all of them.
        if word not in known:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(known)}")
        return word

    parser = commands.add_parser("events", help="lag, dead letters, replay")
    actions = parser.add_subparsers(dest="action", required=True)
    for action, help_text in (
        ("lag", "events waiting to be sent or retried, by subgraph"),
        ("dead", "dead letters, with the reason"),
        ("replay", "try dead letters again"),
    ):
        sub = actions.add_parser(action, help=help_text)
        sub.add_argument("names", nargs="*", type=name, default=known, metavar="NAME")
        if action == "replay":
            sub.add_argument("--id", type=UUID, help="one event only")


async def run(arguments: argparse.Namespace) -> int:
    """Run one action over the databases of the named subgraphs."""
    for name in arguments.names:
        settings = import_module(f"subgraphs.{name}.settings").Settings()
        engine = create_async_engine(settings.database_url.get_secret_value())
        try:
            async with engine.begin() as connection:
                for table, kind in ((OUTBOX, "outbox"), (INBOX_DEFERRED, "inbox")):
                    for line in await _ACTIONS[arguments.action](connection, table, arguments):
                        sys.stdout.write(f"{name}\t{kind}\t{line}\n")
        finally:
            await engine.dispose()
    return 0


async def _lag(connection: Any, table: Table, _: argparse.Namespace) -> list[str]:
    waiting = [table.c.dead_at.is_(None)]
    if table is OUTBOX:
        waiting.append(table.c.sent_at.is_(None))
    dead = select(func.count()).select_from(table).where(table.c.dead_at.is_not(None))
    alive = select(func.count()).select_from(table).where(*waiting)
    return [f"{await connection.scalar(alive)} waiting\t{await connection.scalar(dead)} dead"]


async def _dead(connection: Any, table: Table, _: argparse.Namespace) -> list[str]:
    columns = (table.c.id, table.c.type, table.c.attempts, table.c.dead_at, table.c.error)
    rows = await connection.execute(
        select(*columns).where(table.c.dead_at.is_not(None)).order_by(table.c.id).limit(1_000)
    )
    return [
        f"{row.id}\t{row.type}\t{row.attempts} attempts\t{row.dead_at:%FT%TZ}\t"
        + " ".join((row.error or "").split())  # one line, however many it had
        for row in rows
    ]


async def _replay(connection: Any, table: Table, arguments: argparse.Namespace) -> list[str]:
    which = table.c.dead_at.is_not(None)
    if arguments.id:
        which &= table.c.id == arguments.id
    result = await connection.execute(
        update(table).where(which).values(dead_at=None, attempts=0, retry_at=func.now())
    )
    return [f"{result.rowcount} put back"]


_ACTIONS = {"lag": _lag, "dead": _dead, "replay": _replay}
