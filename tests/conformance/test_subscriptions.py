"""Subscriptions: each event once and in order, joined with other subgraphs, on either transport."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.campus import Campus

pytestmark = pytest.mark.subscriptions

PROGRESS = """subscription ($id: UUID!, $after: String) {
  progressUpdated(enrollmentId: $id, after: $after) { resync lessonId enrollment {
    learner { name } course { lessonCount organization { name } } } } }"""
FROM_THE_FIRST = "1"
"""The cursor of the enrolment: what comes after it does, whenever a subscription begins."""


async def test_a_socket_brings_each_event_joined_with_other_subgraphs(campus: Campus) -> None:
    _, course = await campus.course(lessons=2)
    learner, enrollment_id = await campus.enrolled(course)
    async with learner.socket() as socket:
        await socket.subscribe(PROGRESS, {"id": enrollment_id, "after": FROM_THE_FIRST})
        for lesson_id in course.lesson_ids:
            await _complete(learner, enrollment_id, lesson_id)
            assert await socket.data() == _news(lesson_id)


async def test_server_sent_events_bring_the_same(campus: Campus) -> None:
    _, course = await campus.course(lessons=2)
    learner, enrollment_id = await campus.enrolled(course)
    async with learner.events(PROGRESS, id=enrollment_id, after=FROM_THE_FIRST) as events:
        for lesson_id in course.lesson_ids:
            await _complete(learner, enrollment_id, lesson_id)
            assert await anext(events) == _news(lesson_id)


async def _complete(learner: Api, enrollment_id: str, lesson_id: str) -> None:
    answer = await learner.do("completeLesson", enrollmentId=enrollment_id, lessonId=lesson_id)
    assert answer["__typename"] == "CompleteLessonSuccess"


def _news(lesson_id: str) -> dict[str, Any]:
    return {
        "progressUpdated": {
            "resync": False,
            "lessonId": lesson_id,
            "enrollment": {
                "learner": {"name": "Lea"},
                "course": {"lessonCount": 2, "organization": {"name": "Acme"}},
            },
        }
    }
