"""The projection made anew from the log, in a table beside the one in use.

This is bulk work: it streams through the driver itself, with COPY, so that millions of events
pass through a few megabytes. Every function works inside the caller's transaction.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from subgraphs.learning.progress import Progress, ProgressEvent, ProgressKind, apply
from subgraphs.learning.repository.standings import PROJECTED

BATCH = 10_000
COLUMNS = ", ".join(PROJECTED)


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that the log does not bear out; None stands for an absent row, too."""

    row: UUID
    column: str
    stored: Any
    replayed: Any


async def replay(connection: Any) -> int:
    """Fold the whole log into the temporary table `replayed`; return how many enrollments it has.

    Raises:
        BrokenLogError: The log itself has a gap.
    """
    await connection.execute(
        "CREATE TEMPORARY TABLE replayed (LIKE enrollments INCLUDING GENERATED) ON COMMIT DROP"
    )
    count, batch = 0, []
    async for progress in _fold(connection):
        batch.append(tuple(getattr(progress, name) for name in PROJECTED))
        if len(batch) == BATCH:
            count += await _copy(connection, batch)
            batch = []
    count += await _copy(connection, batch)
    await connection.execute("CREATE UNIQUE INDEX ON replayed (id)")
    await connection.execute("ANALYZE replayed")
    return count


async def _copy(connection: Any, batch: list[tuple[Any, ...]]) -> int:
    await connection.copy_records_to_table("replayed", records=batch, columns=PROJECTED)
    return len(batch)


async def _fold(connection: Any) -> AsyncIterator[Progress]:
    progress: Progress | None = None
    async for event in _events(connection):
        if progress is not None and progress.id != event.enrollment_id:
            yield progress
            progress = None
        progress = apply(progress, event)
    if progress is not None:
        yield progress


async def _events(connection: Any) -> AsyncIterator[ProgressEvent]:
    cursor = await connection.cursor(
        "SELECT enrollment_id, seq, kind, occurred_at, actor_id, lesson_id, data"
        " FROM progress_events ORDER BY enrollment_id, seq"
    )
    while rows := await cursor.fetch(BATCH):
        for enrollment_id, seq, kind, occurred_at, actor_id, lesson_id, data in rows:
            yield ProgressEvent(
                enrollment_id,
                seq,
                ProgressKind(kind),
                occurred_at,
                actor_id,
                lesson_id,
                orjson.loads(data) if data else None,
            )


async def differences(connection: Any) -> AsyncIterator[Difference]:
    """Compare every enrollment, and every course's count, with what was replayed."""
    stored, replayed = (", ".join(f"{it}.{name}" for name in PROJECTED) for it in ("e", "r"))
    rows = connection.cursor(
        "SELECT id, to_jsonb(e) AS stored, to_jsonb(r) AS replayed"  # noqa: S608, our own columns
        " FROM enrollments e FULL JOIN replayed r USING (id)"
        f" WHERE ({stored}) IS DISTINCT FROM ({replayed}) ORDER BY id"
    )
    async for id, stored_row, replayed_row in rows:
        before, after = _load(stored_row), _load(replayed_row)
        for column in PROJECTED:
            if before.get(column) != after.get(column):
                yield Difference(id, column, before.get(column), after.get(column))
    counts = connection.cursor(f"{_COUNTED} ORDER BY course_id")
    async for course_id, kept, counted in counts:
        yield Difference(course_id, "enrollment_count", kept, counted)


def _load(row: str | None) -> dict[str, Any]:
    return orjson.loads(row) if row else {}


async def replace(connection: Any) -> int:
    """Make the projection what was replayed; return how many rows were wrong."""
    ours, theirs = (
        ", ".join(f"{it}.{name}" for name in PROJECTED) for it in ("enrollments", "excluded")
    )
    told = ", ".join(f"{name} = excluded.{name}" for name in PROJECTED)
    statements = (
        "DELETE FROM enrollments e WHERE NOT EXISTS (SELECT FROM replayed r WHERE r.id = e.id)",
        f"INSERT INTO enrollments ({COLUMNS}) SELECT {COLUMNS} FROM replayed"  # noqa: S608, ours
        f" ON CONFLICT (id) DO UPDATE SET {told} WHERE ({ours}) IS DISTINCT FROM ({theirs})",
        "UPDATE courses SET enrollment_count = wrong.counted"  # noqa: S608, our own query
        f" FROM ({_COUNTED}) wrong WHERE wrong.course_id = courses.course_id",
    )
    return sum([_affected(await connection.execute(statement)) for statement in statements])


def _affected(tag: str) -> int:
    """Read the count at the end of Postgres' answer, such as `INSERT 0 12`."""
    return int(tag.rpartition(" ")[2])


_COUNTED = """
SELECT course_id, enrollment_count AS kept, coalesce(counted, 0) AS counted
FROM courses LEFT JOIN (
    SELECT course_id, count(*) AS counted FROM replayed
    WHERE status <> 'REVOKED' GROUP BY course_id
) AS enrolled USING (course_id)
WHERE enrollment_count <> coalesce(counted, 0)
"""
