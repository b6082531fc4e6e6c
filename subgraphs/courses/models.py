"""The rows of courses: a draft that is edited, versions that never change, and who may read."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, query_expression

from subgraphs.kernel import db


class Base(DeclarativeBase):
    """A row of this subgraph, with a key of its own."""

    metadata = db.new_metadata()
    type_annotation_map = db.TYPE_MAP


class Record(db.Identified, Base):
    """A row with an id."""

    __abstract__ = True


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


class Entitlement(Base):
    """Who is enrolled, in which version, and has completed what: told by learning's events."""

    __tablename__ = "entitlements"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    course_id: Mapped[UUID] = mapped_column(primary_key=True)
    enrollment_id: Mapped[UUID] = mapped_column(unique=True)
    version_id: Mapped[UUID]
    enrolled_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)
    """False once unenrolled; what was completed counts again for those who come back."""
    completed_lesson_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    # Numbers of the enrollment's newest events that told of each thing: an older one that comes
    # late, as a dead letter does that is replayed, must not undo what came after it.
    status_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    version_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lesson_seqs: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")


class Review(Record):
    """A learner's opinion of a course, one each."""

    __tablename__ = "reviews"
    course_id: Mapped[UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    user_id: Mapped[UUID]
    rating: Mapped[int]
    text: Mapped[str] = mapped_column(server_default="")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        UniqueConstraint("course_id", "user_id"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
        Index("ix_reviews_newest", "course_id", "updated_at", "id"),
    )


class SearchDocument(Base):
    """What full-text search knows of a published course.

    Apart from the course, whose counters change often, since a change here is dear.
    """

    __tablename__ = "search_documents"
    course_id: Mapped[UUID] = mapped_column(
        ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True
    )
    title: Mapped[str]
    """Folded: lower case, without accents."""
    body: Mapped[str] = mapped_column(Text)
    """Plain text, from which snippets are cut."""
    document: Mapped[str] = mapped_column(TSVECTOR)
    __table_args__ = (Index("ix_search_documents_document", "document", postgresql_using="gin"),)


class SearchWord(Base):
    """A word that occurs in some published course: what a misspelt one is compared with."""

    __tablename__ = "search_words"
    word: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (
        Index(
            "ix_search_words_similar",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )
