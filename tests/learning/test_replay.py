"""Whatever a learner does, the row and the answer are what the log adds up to (B6)."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import Database, open_database
from subgraphs.learning import service
from subgraphs.learning.locks import Standing
from subgraphs.learning.progress import (
    EnrollmentStatus,
    Progress,
    ProgressEvent,
    ProgressKind,
    apply,
)
from subgraphs.learning.repository import standings
from tests.learning.school import School, lesson


class Learning(RuleBasedStateMachine):
    """A learner does what comes to mind; a model knows what must come of it."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.db: Database = self.runner.run(
            self.stack.enter_async_context(open_database(self.url, name="learning", pool_size=2))
        )
        self.school = School(self.db, self.url)
        self.viewer = Viewer(user_id=uuid4())
        self.done: list[UUID] = []
        self.enrolled = True
        self.ever_completed: set[UUID] = set()

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def do(self, use_case: Any, **values: Any) -> Progress:
        work = self.db.transact(use_case, self.viewer, **values)
        standing: Standing = self.runner.run(work)
        self.progress = standing.progress
        if self.progress.is_complete and self.enrolled:
            self.ever_completed.add(self.progress.version_id)
        return self.progress

    @initialize(count=st.integers(1, 4))
    def begin(self, count: int) -> None:
        self.course = self.runner.run(self.school.publish(count))
        self.lesson_ids = self.course.lesson_ids
        self.do(service.enroll, course_id=self.course.id)

    @precondition(lambda self: self.enrolled)
    @rule(place=st.integers(0, 9))
    def complete(self, place: int) -> None:
        lesson_id = self.lesson_ids[place % len(self.lesson_ids)]
        self.do(service.complete_lesson, enrollment_id=self.progress.id, lesson_id=lesson_id)
        self.done += [lesson_id] if lesson_id not in self.done else []

    @precondition(lambda self: self.enrolled)
    @rule(place=st.integers(0, 9))
    def uncomplete(self, place: int) -> None:
        lesson_id = self.lesson_ids[place % len(self.lesson_ids)]
        self.do(service.uncomplete_lesson, enrollment_id=self.progress.id, lesson_id=lesson_id)
        self.done = [id for id in self.done if id != lesson_id]

    @precondition(lambda self: self.enrolled)
    @rule(days=st.none() | st.integers(1, 100))
    def set_deadline(self, days: int | None) -> None:
        due_at = datetime.now(UTC) + timedelta(days=days) if days else None
        self.do(service.set_deadline, enrollment_id=self.progress.id, due_at=due_at)
        assert self.progress.due_at == due_at

    @precondition(lambda self: self.enrolled)
    @rule()
    def leave(self) -> None:
        self.enrolled = False
        self.do(service.unenroll, enrollment_id=self.progress.id)

    @precondition(lambda self: not self.enrolled)
    @rule()
    def come_back(self) -> None:
        self.enrolled = True
        self.do(service.enroll, course_id=self.course.id)

    @precondition(lambda self: self.enrolled)
    @rule(kept=st.sets(st.integers(0, 9)), added=st.integers(0, 2))
    def move(self, kept: set[int], added: int) -> None:
        lessons = [it for place, it in enumerate(self.course.lessons) if place in kept]
        lessons += [lesson() for _ in range(added)] or ([] if lessons else [lesson()])
        self.runner.run(self.school.tell(self.course.next_version(lessons)))
        self.lesson_ids = self.course.lesson_ids
        self.done = [id for id in self.done if id in self.lesson_ids]
        self.do(service.move_to_latest_version, enrollment_id=self.progress.id)

    @invariant()
    def the_model_the_answer_the_row_and_the_log_agree(self) -> None:
        if not hasattr(self, "progress"):
            return
        stored, events, told, count = self.runner.run(self._read())
        replayed: Progress | None = None
        for event in events:
            replayed = apply(replayed, event)
        assert stored == replayed == self.progress
        assert list(stored.completed_lesson_ids) == self.done
        assert stored.percent_complete == 100 * len(self.done) // len(self.lesson_ids)
        assert told == [event.seq for event in events] == list(range(1, len(events) + 1))
        assert count == int(self.enrolled)
        complete = len(self.done) == len(self.lesson_ids)
        expected = EnrollmentStatus.COMPLETED if complete else EnrollmentStatus.ACTIVE
        assert stored.status is (expected if self.enrolled else EnrollmentStatus.REVOKED)
        assert (stored.completed_at is not None) == complete
        kinds = [event.kind for event in events]
        assert kinds.count(ProgressKind.COURSE_COMPLETED) == len(self.ever_completed)

    async def _read(self) -> tuple[Progress, list[ProgressEvent], list[int], int]:
        id = self.progress.id
        operator = Viewer(user_id=uuid4(), is_operator=True)
        [standing] = await standings.find(self.db, operator, [id])
        assert standing is not None
        rows = await self.school.rows(
            "SELECT enrollment_id, seq, kind, occurred_at, actor_id, lesson_id, data"
            " FROM progress_events WHERE enrollment_id = :id ORDER BY seq",
            id=id,
        )
        events = [ProgressEvent(a, b, ProgressKind(c), *rest) for a, b, c, *rest in rows]
        told = [seq for seq, _ in await self.school.told(id)]
        query = "SELECT enrollment_count FROM courses WHERE course_id = :id"
        return (
            standing.progress,
            events,
            told,
            await self.school.value(query, id=self.course.id),
        )


@pytest.fixture
def machine(database: str) -> Iterator[type[Learning]]:
    Learning.url = database
    yield Learning
    del Learning.url


def test_whatever_a_learner_does_the_log_bears_it_out(machine: type[Learning]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=16,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
