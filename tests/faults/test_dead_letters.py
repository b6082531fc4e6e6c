"""An event that cannot take effect: it is put aside, told of, tried again; the others flow on."""

import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from infra.bootstrap.parts import ROOT
from infra.stack import Stack
from subgraphs.kernel.inbox import MAX_ATTEMPTS
from tests.faults import ledger
from tests.faults.crowd import Pupil, newcomer
from tests.faults.figures import Figure
from tests.support.api import eventually
from tests.support.campus import Campus

GOOD = '{"enrollmentId": "%s", "userId": "%s", "courseId": "%s", "lessonId": "%s"}'
FORGER = uuid4()


@pytest.fixture
async def clean(system: Stack) -> AsyncIterator[None]:
    """No trace of the forged events is left."""
    yield
    async with ledger.connected(system, "learning") as learning:
        forged = await learning.fetch("DELETE FROM outbox WHERE actor_id = $1 RETURNING id", FORGER)
    async with ledger.connected(system, "courses") as courses:
        await courses.execute(
            "DELETE FROM inbox_deferred WHERE id = ANY($1)", [row["id"] for row in forged]
        )


async def _forge(system: Stack, data: str, version: int = 1) -> str:
    """Put an event into the outbox of learning that its code would not; its id."""
    async with ledger.connected(system, "learning") as learning:
        id = await learning.fetchval(_FORGE, uuid4(), data, version, FORGER)
    return str(id)


@pytest.mark.usefixtures("clean")
async def test_a_poisonous_event_becomes_a_dead_letter_and_returns_when_it_is_mended(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, lessons=2)
    id = await _forge(system, '{"lessonId": "no id"}')
    await pupil.finish(course.lesson_ids[:1])
    await eventually(partial(_knows, system, pupil), within=15)

    dead = await eventually(partial(_dead, system, id), within=60)
    assert dead["attempts"] == MAX_ATTEMPTS
    assert "ValidationError" in dead["error"]
    assert [line for line in _events(system, "dead", "courses") if id in line]

    mended = GOOD % (pupil.enrollment_id, pupil.person.user_id, course.id, course.lesson_ids[1])
    async with ledger.connected(system, "courses") as courses:
        await courses.execute(_MEND, id, mended)
    assert _events(system, "replay", "courses", "--id", id) == [
        "courses\toutbox\t0 put back",
        "courses\tinbox\t1 put back",
    ]
    await eventually(partial(_knows, system, pupil, 2), within=15)
    assert not _events(system, "dead", "courses")
    figure("R16", attempts=dead["attempts"], others_waited=0)


@pytest.mark.usefixtures("clean")
async def test_an_event_of_a_later_version_is_kept_and_the_others_flow(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, lessons=1)
    id = await _forge(system, "{}", version=99)
    await pupil.finish(course.lesson_ids)
    await eventually(partial(_knows, system, pupil), within=15)

    dead = await eventually(partial(_dead, system, id), within=15)

    assert dead["error"] == (
        "UnknownVersionError: learning.lesson_completed version 99 is unknown."
    )
    assert _events(system, "replay", "courses", "--id", id)[1] == "courses\tinbox\t1 put back"
    again = await eventually(partial(_dead, system, id), within=15)
    assert again["error"] == dead["error"]
    figure("R17", attempts=again["attempts"])


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("data", ['{"cut": ', "[1, 2]", "nothing"])
async def test_what_is_no_event_at_all_never_leaves_the_outbox(
    system: Stack, campus: Campus, data: str
) -> None:
    id = await _forge(system, data)
    pupil, course = await newcomer(campus, lessons=1)
    await pupil.finish(course.lesson_ids)
    await eventually(partial(_knows, system, pupil), within=15)

    async with ledger.connected(system, "learning") as learning:
        row = await learning.fetchrow(
            "SELECT sent_at, dead_at, error FROM outbox WHERE id = $1", id
        )
    assert row["sent_at"] is None
    assert row["dead_at"] is not None
    assert row["error"] == "The data is no JSON object."
    assert [line for line in _events(system, "dead", "learning") if id in line]


async def _knows(system: Stack, pupil: Pupil, lessons: int = 1) -> bool:
    """Courses has heard of so many completed lessons."""
    async with ledger.connected(system, "courses") as courses:
        known = await courses.fetchval(_COMPLETED, pupil.enrollment_id)
    return bool(known == lessons)


async def _dead(system: Stack, id: str) -> Any:
    """The dead letter, once it is one; what waits for its retry is hurried along."""
    async with ledger.connected(system, "courses") as courses:
        await courses.execute("UPDATE inbox_deferred SET retry_at = now() WHERE dead_at IS NULL")
        return await courses.fetchrow(
            "SELECT * FROM inbox_deferred WHERE id = $1 AND dead_at IS NOT NULL", id
        )


def _events(system: Stack, *words: str) -> list[str]:
    """What `infra events` prints."""
    command = [sys.executable, "-m", "infra", "events", "--data", str(system.folder.root), *words]
    done = subprocess.run(  # noqa: S603, our own words
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


_FORGE = """INSERT INTO outbox (topic, type, version, aggregate_id, aggregate_seq, data, actor_id)
VALUES ('learning', 'learning.lesson_completed', $3, $1, 1, $2, $4) RETURNING id"""
_MEND = """UPDATE inbox_deferred
SET envelope = jsonb_set(envelope::jsonb, '{data}', $2::jsonb)::text WHERE id = $1"""
_COMPLETED = "SELECT cardinality(completed_lesson_ids) FROM entitlements WHERE enrollment_id = $1"
