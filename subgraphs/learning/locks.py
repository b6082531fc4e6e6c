"""Which lessons are open: one decision, for what a page shows and for what a mutation refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from subgraphs.learning.progress import Progress


class LockReason(StrEnum):
    """Why a lesson is not open."""

    NOT_ENROLLED = "NOT_ENROLLED"
    """The viewer is not enrolled, or in a version of the course without this lesson."""
    NOT_RELEASED = "NOT_RELEASED"
    """It opens some days after the enrolment: see `releasedAt`."""
    PREREQUISITE = "PREREQUISITE"
    """Other lessons come first."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a course says about its lessons, in the version that a learner is on."""

    lesson_ids: list[UUID]
    """In course order."""
    rules: Mapping[str, Mapping[str, Any]]
    """By lesson id, for those that have any: `days` after enrolment until it opens, lessons that
    come `after`: all of them first, and whether it is a free `preview`."""
    sequential: bool
    """Whether each lesson opens when those before it are complete."""


@dataclass(frozen=True)
class Standing:
    """Where a learner stands in a course."""

    progress: Progress
    outline: Outline

    @cached_property
    def completed(self) -> Mapping[UUID, datetime]:
        """When each complete lesson was completed."""
        lesson_ids, times = self.progress.completed_lesson_ids, self.progress.lesson_completed_at
        return dict(zip(lesson_ids, times, strict=True))

    @cached_property
    def positions(self) -> Mapping[UUID, int]:
        return {lesson_id: position for position, lesson_id in enumerate(self.outline.lesson_ids)}

    @cached_property
    def reached(self) -> int:
        """The position of the first lesson that is not complete."""
        lesson_ids = self.outline.lesson_ids
        return next(
            (position for position, id in enumerate(lesson_ids) if id not in self.completed),
            len(lesson_ids),
        )


def released_at(standing: Standing, lesson_id: UUID) -> datetime | None:
    """Tell when a lesson opens for this learner, if it is not open from the start."""
    days = standing.outline.rules.get(str(lesson_id), {}).get("days")
    return standing.progress.enrolled_at + timedelta(days=days) if days else None


def lock_reason(standing: Standing, lesson_id: UUID, now: datetime) -> LockReason | None:
    """Tell why a lesson is locked at `now`, or None.

    A free preview is never locked, nor is a lesson that was completed before.
    """
    if lesson_id not in standing.positions:
        return LockReason.NOT_ENROLLED
    rule = standing.outline.rules.get(str(lesson_id), {})
    if rule.get("preview") or lesson_id in standing.completed:
        return None
    release = released_at(standing, lesson_id)
    if release is not None and release > now:
        return LockReason.NOT_RELEASED
    if standing.outline.sequential and standing.positions[lesson_id] > standing.reached:
        return LockReason.PREREQUISITE
    if any(UUID(first) not in standing.completed for first in rule.get("after", ())):
        return LockReason.PREREQUISITE
    return None


def next_lesson_id(standing: Standing, now: datetime) -> UUID | None:
    """Find the first lesson, in course order, that is neither complete nor locked."""
    for lesson_id in standing.outline.lesson_ids[standing.reached :]:
        if lesson_id not in standing.completed and lock_reason(standing, lesson_id, now) is None:
            return lesson_id
    return None
