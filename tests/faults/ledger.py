"""What the databases hold in the end, compared with what was acknowledged."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg

from infra.bootstrap.parts import ROOT
from infra.stack import Stack
from tests.faults.crowd import Pupil

# What courses consumes of learning's events; the others need no receipt there.
HANDLED = ("enrollment_created", "lesson_completed")


@dataclass(frozen=True)
class Balance:
    """All zero if nothing was lost and nothing happened twice."""

    lost: int
    """Completions that were acknowledged and are not in the log."""
    doubled: int
    """Completions that are in the log more than once."""
    invented: int
    """Completions in the log that nobody asked for."""
    unnumbered: int
    """Enrollments whose events are not numbered from 1 without a gap."""
    unsent: int
    """Events that never left the outbox, dead ones included."""
    without_effect: int
    """Events that courses has no receipt of, or has put aside."""
    wrong_effects: int
    """Enrollments whose completed lessons, as courses knows them, differ or are out of order."""
    wrong_counts: int
    """Enrollment counters, in both subgraphs, that are not the number of learners."""


NOTHING = Balance(0, 0, 0, 0, 0, 0, 0, 0)


@asynccontextmanager
async def connected(stack: Stack, subgraph: str) -> AsyncIterator[Any]:
    """A connection of the driver to a subgraph's database."""
    url = stack.database_url(subgraph).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
    try:
        yield connection
    finally:
        await connection.close()


async def settled(stack: Stack) -> bool:
    """Tell whether all that was published has been sent and has taken effect.

    It is asked over and over: what had taken effect when it last said yes is not read again. The
    balance reads all.
    """
    async with connected(stack, "learning") as learning, connected(stack, "courses") as courses:
        now = await learning.fetchval(_BOUND)
        since = _settled_until.get(stack, _OLDEST)
        if await _unsent(learning) or await _without_effect(learning, courses, since):
            return False
        _settled_until[stack] = now
        return True


async def waiting(stack: Stack) -> int:
    """Tell how many events of learning are still to be sent."""
    async with connected(stack, "learning") as learning:
        return await _unsent(learning)


async def _unsent(learning: Any) -> int:
    count: int = await learning.fetchval("SELECT count(*) FROM outbox WHERE sent_at IS NULL")
    return count


async def balance(stack: Stack, course_id: str, pupils: list[Pupil]) -> Balance:
    """Audit the course that `pupils`, and nobody else, are enrolled in."""
    async with connected(stack, "learning") as learning, connected(stack, "courses") as courses:
        logged: dict[str, list[str]] = {pupil.enrollment_id: [] for pupil in pupils}
        for row in await learning.fetch(_LOG, list(logged)):
            logged[str(row["enrollment_id"])].append(str(row["lesson_id"]))
        known = {
            str(row["enrollment_id"]): [str(id) for id in row["completed_lesson_ids"]]
            for row in await courses.fetch(_ENTITLEMENTS, list(logged))
        }
        counts = [
            await learning.fetchval(f"{_COUNT} course_id = $1", course_id),
            await courses.fetchval(f"{_COUNT} id = $1", course_id),
        ]
        told = {pupil.enrollment_id: set(pupil.complete) for pupil in pupils}
        return Balance(
            lost=sum(len(told[id] - set(found)) for id, found in logged.items()),
            doubled=sum(len(found) - len(set(found)) for found in logged.values()),
            invented=sum(len(set(found) - told[id]) for id, found in logged.items()),
            unnumbered=await learning.fetchval(_UNNUMBERED),
            unsent=await _unsent(learning),
            without_effect=await _without_effect(learning, courses, _OLDEST),
            wrong_effects=sum(known.get(id) != found for id, found in logged.items()),
            wrong_counts=sum(count != len(pupils) for count in counts),
        )


async def _without_effect(learning: Any, courses: Any, since: UUID) -> int:
    types = [f"learning.{name}" for name in HANDLED]
    published = [row["id"] for row in await learning.fetch(_PUBLISHED, types, since)]
    aside: int = await courses.fetchval("SELECT count(*) FROM inbox_deferred")
    missing: int = await courses.fetchval(_NO_RECEIPT, published)
    return aside + missing


async def drift(stack: Stack) -> str:
    """Rebuild the projection from the log and tell the differences; empty if there are none."""
    command = [sys.executable, "-m", "subgraphs.learning.projection", "rebuild", "--verify"]
    done = subprocess.run(  # noqa: ASYNC221, S603, our own words, and nothing else is going on
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


_settled_until: WeakKeyDictionary[Stack, UUID] = WeakKeyDictionary()
_OLDEST = UUID(int=0)
# Ids are times. A minute is more than a transaction may last: nothing older is yet to be committed.
_BOUND = "SELECT outbox_bound(now() - interval '1 minute')"
_PUBLISHED = "SELECT id FROM outbox WHERE type = ANY($1) AND id >= $2"
_NO_RECEIPT = """SELECT count(*) FROM unnest($1::uuid[]) AS published (id)
WHERE NOT EXISTS (SELECT FROM inbox WHERE inbox.id = published.id)"""
_LOG = """SELECT enrollment_id, lesson_id FROM progress_events
WHERE kind = 'LESSON_COMPLETED' AND enrollment_id = ANY($1::uuid[]) ORDER BY enrollment_id, seq"""
_ENTITLEMENTS = """SELECT enrollment_id, completed_lesson_ids FROM entitlements
WHERE enrollment_id = ANY($1::uuid[])"""
_COUNT = "SELECT enrollment_count FROM courses WHERE"
_UNNUMBERED = """SELECT count(*) FROM (SELECT FROM outbox WHERE type LIKE 'learning.%'
GROUP BY aggregate_id HAVING count(*) <> max(aggregate_seq) OR min(aggregate_seq) <> 1
OR count(DISTINCT aggregate_seq) <> count(*)) AS wrong"""
