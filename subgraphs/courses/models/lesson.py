"""Lessons: as they are edited, and as versions froze them."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from subgraphs.courses.models.base import Base, Record


class LessonKind(StrEnum):
    """What a lesson consists of."""

    TEXT = "text"
    """A text to read."""
    VIDEO = "video"
    """A video, and perhaps a text beside it."""
    QUIZ = "quiz"
    """A quiz to pass."""
    ASSIGNMENT = "assignment"
    """A piece of work to hand in."""


class Module(Record):
    """A part of a draft."""

    __tablename__ = "modules"
    course_id: Mapped[UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    title: Mapped[str]
    position: Mapped[int]
    """0, 1, 2 … within the course, without a gap."""
    __table_args__ = (
        UniqueConstraint("course_id", "position", deferrable=True, initially="DEFERRED"),
    )


class Lesson(Record):
    """A lesson of a draft; versions keep its id."""

    __tablename__ = "lessons"
    course_id: Mapped[UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    module_id: Mapped[UUID] = mapped_column(ForeignKey("modules.id", ondelete="CASCADE"))
    title: Mapped[str]
    position: Mapped[int]
    """0, 1, 2 … within the module, without a gap."""
    kind: Mapped[LessonKind]
    markdown: Mapped[str] = mapped_column(Text, server_default="", deferred=True)
    text_id: Mapped[UUID | None] = mapped_column(ForeignKey("lesson_texts.id"))
    """Its text as last rendered; None since it was edited."""
    reference_id: Mapped[UUID | None]
    """The video, quiz or assignment that other subgraphs know."""
    duration_minutes: Mapped[int | None]
    is_preview: Mapped[bool] = mapped_column(default=False)
    release_after_days: Mapped[int | None]
    prerequisite_lesson_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    __table_args__ = (
        UniqueConstraint("module_id", "position", deferrable=True, initially="DEFERRED"),
        Index("ix_lessons_course_id", "course_id"),
    )


class LessonText(Record):
    """A lesson's text, rendered and sanitised; versions between which it is the same share it."""

    __tablename__ = "lesson_texts"
    html: Mapped[str] = mapped_column(Text)


class CourseVersion(Record):
    """A frozen state of a course; `created_at` is when it was published."""

    __tablename__ = "course_versions"
    course_id: Mapped[UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    number: Mapped[int]
    published_by: Mapped[UUID | None]
    __table_args__ = (UniqueConstraint("course_id", "number"),)


class VersionLesson(Base):
    """A lesson as a version shows it, with what is to be known of its module: never changed."""

    __tablename__ = "version_lessons"
    version_id: Mapped[UUID] = mapped_column(
        ForeignKey("course_versions.id", ondelete="CASCADE"), primary_key=True
    )
    lesson_id: Mapped[UUID] = mapped_column(primary_key=True)
    course_id: Mapped[UUID]
    ordinal: Mapped[int]
    """0, 1, 2 … through the whole course."""
    module_id: Mapped[UUID]
    module_title: Mapped[str]
    module_position: Mapped[int]
    position: Mapped[int]
    """0, 1, 2 … within the module."""
    title: Mapped[str]
    kind: Mapped[LessonKind]
    text_id: Mapped[UUID] = mapped_column(ForeignKey("lesson_texts.id"))
    reference_id: Mapped[UUID | None]
    duration_minutes: Mapped[int | None]
    is_preview: Mapped[bool]
    release_after_days: Mapped[int | None]
    prerequisite_lesson_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    __table_args__ = (Index("ix_version_lessons_lesson_id", "lesson_id"),)
