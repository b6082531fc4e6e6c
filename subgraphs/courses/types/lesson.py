from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from subgraphs.courses import models
from subgraphs.courses.repository.lessons import LessonRow, by_module
from subgraphs.courses.types.base import Info
from subgraphs.kernel import graphql

if TYPE_CHECKING:
    from subgraphs.courses.types.course import Course

USUAL = 10
"""Modules of a course, lessons of a module: what an operation is charged for."""


@strawberry.type
class Module:
    """A part of a course, in the version that you see."""

    id: UUID
    """Identifies the module; it is the same in every version."""
    title: str
    """Its title."""
    position: int
    """Its place in the course, from 0."""
    version_id: strawberry.Private[UUID]
    rows: strawberry.Private[Sequence[LessonRow] | None]

    @graphql.list_field(size=USUAL)
    async def lessons(self, info: Info) -> list["Lesson"]:
        """Its lessons, in order."""
        rows = self.rows
        if rows is None:
            outline = await info.context.loaders.outline.load(self.version_id)
            rows = by_module(outline.lessons)[self.id] if outline else []
        return [Lesson.from_row(row) for row in rows]

    @classmethod
    def from_rows(cls, rows: Sequence[LessonRow]) -> Self:
        return cls._from_row(rows[0], rows)

    @classmethod
    def of_lesson(cls, row: LessonRow) -> Self:
        return cls._from_row(row, None)

    @classmethod
    def _from_row(cls, row: LessonRow, rows: Sequence[LessonRow] | None) -> Self:
        return cls(
            id=row.module_id,
            title=row.module_title,
            position=row.module_position,
            version_id=row.version_id,
            rows=rows,
        )


@strawberry.federation.type(keys=["id"])
class Lesson:
    """A lesson of a published course, in the version that you see of it."""

    id: UUID
    """Identifies the lesson; it is the same in every version."""
    title: str
    """Its title."""
    kind: models.LessonKind
    """What it consists of."""
    position: int
    """Its place in the module, from 0."""
    duration_minutes: int | None
    """How long it takes, if its author says so."""
    is_preview: bool
    """Whether everyone may read it, as a sample."""
    row: strawberry.Private[LessonRow]

    @strawberry.field
    async def content(self, info: Info) -> str | None:
        """Its text as safe HTML; null unless it is a preview, or you are enrolled and it is open.

        Those who make the course may always read it.
        """
        return await info.context.loaders.content.load(self.id)

    @strawberry.field
    def module(self) -> Module:
        """The part of the course it belongs to."""
        return Module.of_lesson(self.row)

    @strawberry.field
    async def course(
        self, info: Info
    ) -> Annotated["Course", strawberry.lazy("subgraphs.courses.types.course")] | None:
        """The course it belongs to."""
        from subgraphs.courses.types.course import Course  # noqa: PLC0415, they know each other

        return await Course.load(info, self.row.course_id)

    @strawberry.field
    def video_id(self) -> UUID | None:
        """Its video, if it is a video lesson that has one."""
        return self._reference(models.LessonKind.VIDEO)

    @strawberry.field
    def quiz_id(self) -> UUID | None:
        """Its quiz, if it is a quiz lesson that has one."""
        return self._reference(models.LessonKind.QUIZ)

    @strawberry.field
    def assignment_id(self) -> UUID | None:
        """Its assignment, if it is an assignment lesson that has one."""
        return self._reference(models.LessonKind.ASSIGNMENT)

    def _reference(self, kind: models.LessonKind) -> UUID | None:
        id: UUID | None = self.row.reference_id
        return id if self.kind is kind else None

    @classmethod
    def from_row(cls, row: LessonRow) -> Self:
        return cls(
            id=row.lesson_id,
            title=row.title,
            kind=row.kind,
            position=row.position,
            duration_minutes=row.duration_minutes,
            is_preview=row.is_preview,
            row=row,
        )

    @classmethod
    async def load(cls, info: Info, id: UUID) -> Self | None:
        row = await info.context.loaders.lesson.load(id)
        return cls.from_row(row) if row is not None else None

    @classmethod
    async def resolve_reference(cls, info: Info, id: UUID) -> Self | None:
        return await cls.load(info, id)

    @classmethod
    async def resolve_references(cls, info: Info, ids: list[UUID]) -> list[Self | None]:
        rows = await info.context.loaders.lesson.load_many(ids)
        return [cls.from_row(row) if row is not None else None for row in rows]
