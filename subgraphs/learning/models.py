"""The tables of learning: the log, its projection, and what it needs to know of the others."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime

from subgraphs.kernel import db
from subgraphs.learning.progress import EnrollmentStatus, ProgressKind

PERCENT = """CASE WHEN lesson_count = 0 THEN 0
ELSE 100 * cardinality(completed_lesson_ids) / lesson_count END"""
EMPTY = text("'{}'")


class Record(DeclarativeBase):
    __abstract__ = True
    metadata = db.new_metadata()
    type_annotation_map = db.TYPE_MAP


class ProgressEvent(Record):
    """The log, as `progress.ProgressEvent` explains it; a trigger refuses all but appending."""

    __tablename__ = "progress_events"

    enrollment_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    """Numbers the events of an enrollment from 1 without a gap."""
    kind: Mapped[ProgressKind]
    occurred_at: Mapped[datetime]
    actor_id: Mapped[UUID | None]
    lesson_id: Mapped[UUID | None]
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class Enrollment(db.Aggregate, Record):
    """The projection: what the log adds up to; `subgraphs.learning.projection` rebuilds it.

    No index covers what a completion changes, so that its UPDATE stays within the page (HOT).
    """

    __tablename__ = "enrollments"
    __table_args__ = (
        UniqueConstraint("user_id", "course_id"),
        Index("ix_enrollments_user_id_enrolled_at_id", "user_id", "enrolled_at", "id"),
        Index("ix_enrollments_course_id_enrolled_at_id", "course_id", "enrolled_at", "id"),
        CheckConstraint(
            "cardinality(completed_lesson_ids) <= lesson_count", name="not_more_than_all"
        ),
        CheckConstraint(
            "cardinality(completed_lesson_ids) = cardinality(lesson_completed_at)",
            name="one_time_each",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=db.new_id)
    user_id: Mapped[UUID]
    course_id: Mapped[UUID]
    organization_id: Mapped[UUID]
    version_id: Mapped[UUID] = mapped_column(ForeignKey("course_versions.version_id"))
    status: Mapped[EnrollmentStatus]
    lesson_count: Mapped[int]
    completed_lesson_ids: Mapped[tuple[UUID, ...]] = mapped_column(
        ARRAY(Uuid(), as_tuple=True), server_default=EMPTY
    )
    lesson_completed_at: Mapped[tuple[datetime, ...]] = mapped_column(
        ARRAY(DateTime(timezone=True), as_tuple=True), server_default=EMPTY
    )
    completed_count: Mapped[int] = mapped_column(
        Computed("cardinality(completed_lesson_ids)", persisted=True)
    )
    percent_complete: Mapped[int] = mapped_column(Computed(PERCENT, persisted=True))
    enrolled_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    completed_version_id: Mapped[UUID | None]


class Course(Record):
    """What courses has told of a published course; `enrollment_count` is our own."""

    __tablename__ = "courses"

    course_id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    version_id: Mapped[UUID]
    version_number: Mapped[int]
    title: Mapped[str]
    slug: Mapped[str]
    visibility: Mapped[str]
    """`public` or `private`: then only members of the organization may enrol."""
    is_free: Mapped[bool]
    sequential: Mapped[bool]
    """Whether each lesson opens when those before it are complete, in every version."""
    prerequisite_course_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    instructor_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    archived: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    seq: Mapped[int] = mapped_column(BigInteger)
    """The number of the course's newest event that took effect."""
    enrollment_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Its enrollments, revoked ones not counted."""


class CourseVersion(Record):
    """A frozen course: what learners who enrolled in it have before them until they move."""

    __tablename__ = "course_versions"
    __table_args__ = (UniqueConstraint("course_id", "number"),)

    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    course_id: Mapped[UUID]
    number: Mapped[int]
    lesson_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    rules: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=EMPTY)
    """See `locks.Outline`."""


class Lesson(Record):
    """Where a lesson belongs, for someone who only has its id."""

    __tablename__ = "lessons"

    lesson_id: Mapped[UUID] = mapped_column(primary_key=True)
    course_id: Mapped[UUID]
    is_preview: Mapped[bool]
    version_number: Mapped[int]
    """The newest version that has told of the lesson."""


class Learner(Record):
    """The name that instructors search their roster for."""

    __tablename__ = "learners"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    """The number of the user's event that told the name."""


class Member(Record):
    """What a person is in an organization; None: a member no more."""

    __tablename__ = "members"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str | None]
    seq: Mapped[int] = mapped_column(BigInteger)
    """The number of the organization's event that told the role."""
