"""A migration under traffic: it adds, old code goes on, it takes away; it never blocks for long."""

import asyncio
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from infra.stack import Stack
from subgraphs.kernel import migrate
from subgraphs.kernel.db import sqlstate
from tests.faults import ledger
from tests.faults.crowd import Pupil, enrol
from tests.faults.figures import Figure
from tests.support.api import eventually
from tests.support.campus import Campus

LEARNERS, LESSONS = 4, 80
LOCK_SECONDS = 5.0
SLACK_SECONDS = 10.0
LOCK_NOT_AVAILABLE = "55P03"
HEAD = migrate.head("learning")
ADDITIVE = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "fault", {head!r}, None, None

def upgrade():
    op.add_column("enrollments", sa.Column("note", sa.Text(), nullable=True))

def downgrade():
    op.drop_column("enrollments", "note")
"""


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """A folder with a migration on top of the newest of learning."""
    (tmp_path / "fault.py").write_text(ADDITIVE.format(head=HEAD))
    return tmp_path


async def test_an_additive_migration_under_traffic_costs_no_request(
    system: Stack, campus: Campus, figure: Figure, versions: Path
) -> None:
    _, course = await campus.course(lessons=LESSONS)
    pupils = await enrol(campus, course, LEARNERS)
    finishing = [asyncio.create_task(pupil.finish(course.lesson_ids)) for pupil in pupils]
    await eventually(partial(_reached, pupils, LEARNERS * 5))
    expanded = await _step(system, versions, pupils, command.upgrade, "fault")
    try:
        await eventually(partial(_reached, pupils, expanded.until + LEARNERS * 5))
        ahead = await asyncio.to_thread(system.wait, "learning", seconds=5)  # older than its tables
    finally:
        contracted = await _step(system, versions, pupils, command.downgrade, HEAD)
    await asyncio.gather(*finishing)
    await eventually(partial(ledger.settled, system))

    assert expanded.completions > 0
    assert contracted.completions > 0
    assert contracted.until < LEARNERS * LESSONS  # traffic went on after it, too
    assert [pupil.failures.total() for pupil in pupils] == [0] * LEARNERS
    assert ahead == system.pid("learning")
    assert await ledger.balance(system, course.id, pupils) == ledger.NOTHING
    figure(
        "R35",
        expand=round(expanded.seconds, 2),
        contract=round(contracted.seconds, 2),
        completed_meanwhile=[expanded.completions, contracted.completions],
        failures=0,
    )


async def test_a_migration_that_gets_no_lock_gives_up_and_traffic_goes_on(
    system: Stack, campus: Campus, figure: Figure, versions: Path
) -> None:
    _, course = await campus.course(lessons=LESSONS)
    [pupil] = await enrol(campus, course, 1)
    async with ledger.connected(system, "learning") as reader, reader.transaction():
        await reader.execute("SELECT FROM enrollments LIMIT 1")  # and it goes on and on
        migrating = asyncio.create_task(_migrate(system, versions, command.upgrade, "fault"))
        finishing = asyncio.create_task(pupil.finish(course.lesson_ids))
        started = time.monotonic()
        with pytest.raises(DBAPIError) as refused:
            await migrating
        gave_up = time.monotonic() - started
        await finishing

    assert sqlstate(refused.value) == LOCK_NOT_AVAILABLE
    assert gave_up < LOCK_SECONDS + SLACK_SECONDS
    assert not pupil.failures
    figure("R35", gave_up=round(gave_up, 2), failures=0)


async def _reached(pupils: list[Pupil], count: int) -> bool:
    return _completed(pupils) >= count


def _completed(pupils: list[Pupil]) -> int:
    return sum(len(pupil.complete) for pupil in pupils)


@dataclass(frozen=True)
class Step:
    """A migration, and what went on beside it."""

    seconds: float
    completions: int
    """How many were acknowledged from its begin to its end."""
    until: int
    """How many there had been at its end."""


async def _step(
    system: Stack, versions: Path, pupils: list[Pupil], step: Any, revision: str | None
) -> Step:
    started, before = time.monotonic(), _completed(pupils)
    # In a loop of its own: Alembic reads and compiles files, and traffic is not to wait for that.
    work = partial(asyncio.run, _migrate(system, versions, step, revision))
    await asyncio.to_thread(work)
    until = _completed(pupils)
    return Step(time.monotonic() - started, until - before, until)


async def _migrate(system: Stack, versions: Path, step: Any, revision: str | None) -> None:
    """Run a step of Alembic with one more folder of versions."""

    def run(connection: Connection) -> None:
        config: Config = migrate.config("learning", connection)
        folders = [config.get_main_option("version_locations") or "", str(versions)]
        config.set_main_option("version_locations", os.pathsep.join(folders))
        step(config, revision)

    engine = create_async_engine(system.database_url("learning"))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()
