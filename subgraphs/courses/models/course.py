from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, query_expression

from subgraphs.courses.models.base import Record
from subgraphs.kernel import db


class CourseStatus(StrEnum):
    """Whether a course is open."""

    DRAFT = "draft"
    """Never published; only those who make it see it."""
    PUBLISHED = "published"
    """Open to new learners."""
    ARCHIVED = "archived"
    """Closed to new learners; those enrolled keep it."""


class Visibility(StrEnum):
    """To whom a published course is open."""

    PUBLIC = "public"
    """To everyone: it is on the marketplace."""
    PRIVATE = "private"
    """To the members of its organization."""


class Level(StrEnum):
    """How much a course expects of its learners."""

    BEGINNER = "beginner"
    """Nothing."""
    INTERMEDIATE = "intermediate"
    """The basics."""
    ADVANCED = "advanced"
    """Practice."""


class Category(Record):
    __tablename__ = "categories"
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


# Spelt out where it is compared, never a parameter: only so can Postgres match partial indexes.
PUBLISHED = text("courses.status = 'PUBLISHED'")


class Course(db.Aggregate, Record):
    """A course as it is listed; its settings hold at once, its lessons when they are published."""

    __tablename__ = "courses"
    organization_id: Mapped[UUID]
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(server_default="")
    description: Mapped[str] = mapped_column(Text, server_default="", deferred=True)
    """Markdown, as its author wrote it."""
    description_html: Mapped[str] = mapped_column(Text, server_default="", deferred=True)
    """The same, rendered and sanitised."""
    language: Mapped[str] = mapped_column(server_default="en")
    """A BCP 47 tag."""
    level: Mapped[Level | None]
    category_id: Mapped[UUID | None] = mapped_column(ForeignKey("categories.id"))
    status: Mapped[CourseStatus] = mapped_column(default=CourseStatus.DRAFT)
    visibility: Mapped[Visibility] = mapped_column(default=Visibility.PUBLIC)
    is_free: Mapped[bool] = mapped_column(default=True)
    sequential: Mapped[bool] = mapped_column(default=False)
    instructor_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    prerequisite_course_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    latest_version_id: Mapped[UUID | None]
    """What newcomers see. No foreign key: versions already point here."""
    lesson_count: Mapped[int] = mapped_column(default=0)
    """Lessons of the latest version."""
    listed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When it was first published; until then, when it was made. Never null: lists sort by it."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    has_draft_changes: Mapped[bool] = mapped_column(default=True)
    """Whether the draft may differ from the latest version."""
    enrollment_count: Mapped[int] = mapped_column(default=0)
    rating_sum: Mapped[int] = mapped_column(default=0)
    review_count: Mapped[int] = mapped_column(default=0)
    rating: Mapped[float] = mapped_column(default=0.0)
    """`rating_sum / review_count`, or 0: lists sort by it."""

    seen_version_id: Mapped[UUID | None] = query_expression()
    """The version that the viewer sees: the one enrolled in, else the latest."""
    category_slug: Mapped[str | None] = query_expression()
    category_name: Mapped[str | None] = query_expression()
    score: Mapped[float | None] = query_expression()
    """How well it matches a search; only searches tell."""

    __table_args__ = (
        CheckConstraint("review_count >= 0 AND enrollment_count >= 0", name="counts"),
        *(
            Index(f"ix_courses_{name}", *columns, "id", postgresql_where=PUBLISHED)
            for name, columns in {
                "newest": ("listed_at",),
                "popular": ("enrollment_count",),
                "rated": ("rating", "review_count"),
                "titled": ("title",),
                "category_newest": ("category_id", "listed_at"),
                "language_newest": ("language", "listed_at"),
            }.items()
        ),
        Index("ix_courses_organization_id", "organization_id", "listed_at", "id"),
        Index("ix_courses_instructor_ids", "instructor_ids", postgresql_using="gin"),
    )
