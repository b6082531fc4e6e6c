"""Learners who complete every lesson of a course, whatever answers they get meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.api import Api
from tests.support.campus import Campus, Course

COMPLETE = """mutation ($input: CompleteLessonInput!) { completeLesson(input: $input) {
  __typename ... on UserError { message code } } }"""
RETRY_SECONDS = 0.2
AT_ONCE = 8
"""Enrolments made side by side: each hashes a password."""


@dataclass
class Pupil:
    """A learner of one course; `complete` has what was acknowledged, in that order."""

    person: Api
    enrollment_id: str
    complete: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    """Answers that left it open whether the completion had happened; each was tried again."""

    async def finish(self, lesson_ids: Iterable[str]) -> None:
        for lesson_id in lesson_ids:
            while not await self.attempt(lesson_id):  # noqa: ASYNC110, as a client would
                await asyncio.sleep(RETRY_SECONDS)
            self.complete.append(lesson_id)

    async def attempt(self, lesson_id: str) -> bool:
        """Complete a lesson once; tell whether that was acknowledged."""
        variables = {"input": {"enrollmentId": self.enrollment_id, "lessonId": lesson_id}}
        try:
            response = await self.person.post({"query": COMPLETE, "variables": variables})
            answer: dict[str, Any] = response.json()
        except (httpx.TransportError, ValueError) as error:  # cut off, or the edge's error page
            self.failures[type(error).__name__] += 1
            return False
        if "errors" in answer:
            code = answer["errors"][0]["extensions"]["code"]
            self.failures[code] += 1
            if code == "UNAUTHENTICATED":  # the experiment outlasted the token
                with suppress(
                    AssertionError, httpx.TransportError, ValueError
                ):  # some part is down
                    await self.person.log_in()
            return False
        result = answer["data"]["completeLesson"]
        assert result["__typename"] == "CompleteLessonSuccess", result
        return True


async def newcomer(campus: Campus, lessons: int) -> tuple[Pupil, Course]:
    """A learner alone in a new course."""
    _, course = await campus.course(lessons=lessons)
    return Pupil(*await campus.enrolled(course)), course


async def enrol(campus: Campus, course: Course, count: int) -> list[Pupil]:
    """So many new learners of the course."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one() -> Pupil:
        async with turns:
            return Pupil(*await campus.enrolled(course))

    return list(await asyncio.gather(*(one() for _ in range(count))))
