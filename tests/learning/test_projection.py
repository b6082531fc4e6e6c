"""The projection is what the log says: provable by replay (F112, F113, B6)."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra.stack import Stack
from subgraphs.learning import projection
from subgraphs.learning.models import Enrollment
from subgraphs.learning.progress import BrokenLogError, ProgressEvent, ProgressKind, apply
from subgraphs.learning.repository import standings
from tests.learning.people import Person
from tests.learning.school import School, lesson


@pytest.fixture
async def history(school: School, learner: Person) -> UUID:
    """Every kind of event, in the life of one enrollment; return its id."""
    course = await school.publish(2)
    one, two = course.lessons
    enrollment_id = await learner.enrolled(course.id)
    await learner.complete(enrollment_id, one.id)
    await learner.complete(enrollment_id, two.id)
    await learner.uncomplete(enrollment_id, one.id)
    due_at = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    await learner.set_deadline(enrollment_id, due_at)
    await learner.unenroll(enrollment_id)
    await learner.enrolled(course.id)
    await school.tell(course.next_version([two, lesson(), lesson()]))
    await learner.move(enrollment_id)
    return enrollment_id


async def tamper(school: School, statement: str) -> None:
    async with school.db.begin() as session:
        await session.execute(text(statement))


async def test_every_kind_of_event_replays(school: School, history: UUID) -> None:
    assert set(await school.log(history)) == set(ProgressKind)
    before = await school.everything()

    assert await projection.verify(school.url) == 0
    assert await projection.rebuild(school.url) == 0

    assert await school.everything() == before


@pytest.mark.usefixtures("history")
async def test_a_rebuild_fills_an_empty_table(school: School) -> None:
    before = await school.everything()
    await tamper(school, "DELETE FROM enrollments")
    await tamper(school, "UPDATE courses SET enrollment_count = 0")

    assert await projection.verify(school.url) == 1
    assert await projection.rebuild(school.url) == 0

    assert await school.everything() == before


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE enrollments SET status = 'COMPLETED'", "status: 'COMPLETED', by the log 'ACTIVE'"),
        ("UPDATE enrollments SET lesson_count = 2", "lesson_count: 2, by the log 3"),
        ("UPDATE enrollments SET due_at = NULL", "due_at: None, by the log '20"),
        ("UPDATE enrollments SET version = 99", "version: 99, by the log 9"),
        (
            "UPDATE enrollments SET completed_lesson_ids = '{}', lesson_completed_at = '{}'",
            "completed_lesson_ids: [], by the log ['",
        ),
        ("UPDATE courses SET enrollment_count = 7", "enrollment_count: 7, by the log 1"),
    ],
)
async def test_a_tampered_row_is_found_named_and_put_right(
    school: School,
    history: UUID,
    capsys: pytest.CaptureFixture[str],
    statement: str,
    told: str,
) -> None:
    before = await school.everything()
    await tamper(school, statement)
    tampered = await school.everything()

    assert await projection.verify(school.url) == 1
    assert await school.everything() == tampered
    output = capsys.readouterr().out
    assert told in output
    assert str(history) in output or "courses" in statement
    assert "1 enrollments replayed" in output
    await projection.rebuild(school.url)
    assert "1 rows put right" in capsys.readouterr().out
    assert await school.everything() == before


async def test_a_row_without_a_log_is_found(school: School, history: UUID) -> None:
    copied = """INSERT INTO enrollments (id, user_id, course_id, organization_id, version_id,
      status, lesson_count, enrolled_at, version) SELECT gen_random_uuid(), gen_random_uuid(),
      course_id, organization_id, version_id, 'ACTIVE', 3, now(), 1 FROM enrollments"""
    await tamper(school, copied)

    assert await projection.verify(school.url) == 1
    await projection.rebuild(school.url)

    assert await school.rows("SELECT id FROM enrollments") == [(history,)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE progress_events SET seq = 7",
        "DELETE FROM progress_events WHERE false",
        "TRUNCATE progress_events",
    ],
)
async def test_the_log_is_only_ever_appended_to(
    school: School, history: UUID, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="only ever appended"):
        await tamper(school, statement)

    assert len(await school.log(history)) == 9


async def test_events_replay_only_in_their_order() -> None:
    now, enrollment_id = datetime.now(UTC), uuid4()
    first = ProgressEvent(
        enrollment_id,
        1,
        ProgressKind.ENROLLED,
        now,
        data={
            **{f"{name}_id": str(uuid4()) for name in ("user", "course", "organization")},
            "version_id": str(uuid4()),
            "lesson_count": 1,
        },
    )
    gap = ProgressEvent(enrollment_id, 3, ProgressKind.UNENROLLED, now)
    early = ProgressEvent(enrollment_id, 1, ProgressKind.UNENROLLED, now)

    with pytest.raises(BrokenLogError):
        apply(apply(None, first), gap)
    with pytest.raises(BrokenLogError):
        apply(None, early)
    with pytest.raises(BrokenLogError):
        apply(apply(None, first), first)


@pytest.mark.usefixtures("history")
def test_the_command_tells_by_its_status(stores: Stack, database: str) -> None:
    command = [sys.executable, "-m", "subgraphs.learning.projection", "rebuild", "--verify"]
    environment = {**stores.environment, "LEARNING_DATABASE_URL": database}

    done = subprocess.run(  # noqa: S603, our own
        command, env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 enrollments replayed, 0 differences.\n"


def test_progress_has_the_columns_of_its_table() -> None:
    assert set(standings.PROJECTED) <= set(Enrollment.__table__.columns.keys())
    left_out = set(Enrollment.__table__.columns.keys()) - set(standings.PROJECTED)
    assert left_out == {"completed_count", "percent_complete"}  # Postgres computes them
