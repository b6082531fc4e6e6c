"""Batches of what entities need: one SELECT for all references of a kind."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import Database
from subgraphs.learning.locks import Standing
from subgraphs.learning.repository import courses, standings
from subgraphs.learning.repository.courses import SeenCourse, SeenLesson

T = TypeVar("T")
Find = Callable[[Database, Viewer, Sequence[UUID]], Awaitable[list[T | None]]]


@dataclass(frozen=True)
class Loaders:
    """By id, for one viewer; None for what that viewer may not see."""

    enrollment: DataLoader[UUID, Standing | None]
    course: DataLoader[UUID, SeenCourse | None]
    lesson: DataLoader[UUID, SeenLesson | None]
    roster: graphql.Nested
    """By course."""
    enrollments: graphql.Nested
    """By person."""

    @classmethod
    def build(cls, db: Database, viewer: Viewer) -> Self:
        def loader(find: Find[T]) -> DataLoader[UUID, T | None]:
            return DataLoader(partial(find, db, viewer))

        return cls(
            enrollment=loader(standings.find),
            course=loader(courses.see_courses),
            lesson=loader(courses.see_lessons),
            roster=graphql.Nested(db, partial(courses.rosters, viewer)),
            enrollments=graphql.Nested(db, partial(courses.enrollments_of_users, viewer)),
        )
