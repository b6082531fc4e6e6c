"""Courses, their drafts, their versions, and who may read them."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from subgraphs.kernel import migrate

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _moment(name: str) -> sa.Column[datetime]:
    """A moment that is, unless told otherwise, when the row was made."""
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def upgrade() -> None:
    migrate.create_kernel_tables(op)
    op.create_table(
        "categories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("slug", name=op.f("uq_categories_slug")),
    )
    op.create_table(
        "entitlements",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("completed_lesson_ids", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("status_seq", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("version_seq", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("lesson_seqs", JSONB, server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("user_id", "course_id", name=op.f("pk_entitlements")),
        sa.UniqueConstraint("enrollment_id", name=op.f("uq_entitlements_enrollment_id")),
    )
    op.create_table(
        "lesson_texts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson_texts")),
    )
    op.create_table(
        "courses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("description_html", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.String(), server_default="en", nullable=False),
        sa.Column("level", sa.String(40), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("visibility", sa.String(40), nullable=False),
        sa.Column("is_free", sa.Boolean(), nullable=False),
        sa.Column("sequential", sa.Boolean(), nullable=False),
        sa.Column("instructor_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("prerequisite_course_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("latest_version_id", sa.Uuid(), nullable=True),
        sa.Column("lesson_count", sa.Integer(), nullable=False),
        _moment("listed_at"),
        _moment("updated_at"),
        sa.Column("has_draft_changes", sa.Boolean(), nullable=False),
        sa.Column("enrollment_count", sa.Integer(), nullable=False),
        sa.Column("rating_sum", sa.Integer(), nullable=False),
        sa.Column("review_count", sa.Integer(), nullable=False),
        sa.Column("rating", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _moment("created_at"),
        sa.CheckConstraint(
            "review_count >= 0 AND enrollment_count >= 0", name=op.f("ck_courses_counts")
        ),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_courses_category_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
        sa.UniqueConstraint("slug", name=op.f("uq_courses_slug")),
    )
    op.create_index(
        "ix_courses_category_newest",
        "courses",
        ["category_id", "listed_at", "id"],
        unique=False,
        postgresql_where=sa.text("courses.status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_courses_instructor_ids",
        "courses",
        ["instructor_ids"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_courses_language_newest",
        "courses",
        ["language", "listed_at", "id"],
        unique=False,
        postgresql_where=sa.text("courses.status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_courses_newest",
        "courses",
        ["listed_at", "id"],
        unique=False,
        postgresql_where=sa.text("courses.status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_courses_organization_id",
        "courses",
        ["organization_id", "listed_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_courses_popular",
        "courses",
        ["enrollment_count", "id"],
        unique=False,
        postgresql_where=sa.text("courses.status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_courses_rated",
        "courses",
        ["rating", "review_count", "id"],
        unique=False,
        postgresql_where=sa.text("courses.status = 'PUBLISHED'"),
    )
    op.create_index(
        "ix_courses_titled",
        "courses",
        ["title", "id"],
        unique=False,
        postgresql_where=sa.text("courses.status = 'PUBLISHED'"),
    )
    op.create_table(
        "course_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        _moment("created_at"),
        sa.ForeignKeyConstraint(
            ["course_id"],
            ["courses.id"],
            name=op.f("fk_course_versions_course_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_versions")),
        sa.UniqueConstraint(
            "course_id", "number", name=op.f("uq_course_versions_course_id_number")
        ),
    )
    op.create_table(
        "members",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "user_id", name=op.f("pk_members")),
    )
    op.create_index("ix_members_user_id", "members", ["user_id"], unique=False)
    op.create_table(
        "modules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _moment("created_at"),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_modules_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_modules")),
        sa.UniqueConstraint(
            "course_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_modules_course_id_position"),
        ),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), server_default="", nullable=False),
        _moment("updated_at"),
        _moment("created_at"),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_reviews_rating")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_reviews_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("course_id", "user_id", name=op.f("uq_reviews_course_id_user_id")),
    )
    op.create_index("ix_reviews_newest", "reviews", ["course_id", "updated_at", "id"], unique=False)
    op.create_table(
        "lessons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("markdown", sa.Text(), server_default="", nullable=False),
        sa.Column("text_id", sa.Uuid(), nullable=True),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("is_preview", sa.Boolean(), nullable=False),
        sa.Column("release_after_days", sa.Integer(), nullable=True),
        sa.Column("prerequisite_lesson_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        _moment("created_at"),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_lessons_course_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["module_id"], ["modules.id"], name=op.f("fk_lessons_module_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["text_id"], ["lesson_texts.id"], name=op.f("fk_lessons_text_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lessons")),
        sa.UniqueConstraint(
            "module_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_lessons_module_id_position"),
        ),
    )
    op.create_index("ix_lessons_course_id", "lessons", ["course_id"], unique=False)
    op.create_table(
        "version_lessons",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=False),
        sa.Column("module_title", sa.String(), nullable=False),
        sa.Column("module_position", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("text_id", sa.Uuid(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("is_preview", sa.Boolean(), nullable=False),
        sa.Column("release_after_days", sa.Integer(), nullable=True),
        sa.Column("prerequisite_lesson_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.ForeignKeyConstraint(
            ["text_id"], ["lesson_texts.id"], name=op.f("fk_version_lessons_text_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["course_versions.id"],
            name=op.f("fk_version_lessons_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "lesson_id", name=op.f("pk_version_lessons")),
    )
    op.create_index("ix_version_lessons_lesson_id", "version_lessons", ["lesson_id"], unique=False)
