"""The mark in each database that it has been filled: written last, in the same transaction.

It lives in a schema of its own, as it is no part of the subgraph's tables.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Marker:
    """What a database was filled with, and the day that its dates count back from."""

    size: str
    now: datetime


async def read(session: AsyncSession) -> Marker | None:
    """The mark, or None where nothing was filled in."""
    if not await session.scalar(text("SELECT to_regclass('seed.applied') IS NOT NULL")):
        return None
    row = (await session.execute(text("SELECT size, now FROM seed.applied"))).one_or_none()
    return Marker(row.size, row.now) if row else None


async def write(session: AsyncSession, marker: Marker) -> None:
    await session.execute(text("CREATE SCHEMA IF NOT EXISTS seed"))
    await session.execute(
        text(
            "CREATE TABLE seed.applied (size text NOT NULL, now timestamptz NOT NULL,"
            " at timestamptz NOT NULL DEFAULT now())"
        )
    )
    await session.execute(
        text("INSERT INTO seed.applied (size, now) VALUES (:size, :now)"),
        {"size": marker.size, "now": marker.now},
    )
