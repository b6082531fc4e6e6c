"""The log of progress, its projection, and the read models of courses and people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from subgraphs.kernel import migrate

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PERCENT = """CASE WHEN lesson_count = 0 THEN 0
ELSE 100 * cardinality(completed_lesson_ids) / lesson_count END"""
MOMENT = sa.DateTime(timezone=True)
EMPTY = sa.text("'{}'")


def upgrade() -> None:
    migrate.create_kernel_tables(op)
    _create_log()
    _create_read_models()
    _create_projection()


def _create_log() -> None:
    op.create_table(
        "progress_events",
        sa.Column("enrollment_id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("lesson_id", sa.Uuid),
        sa.Column("data", JSONB),
        sa.PrimaryKeyConstraint("enrollment_id", "seq", name="pk_progress_events"),
    )
    op.execute("""
        CREATE FUNCTION progress_events_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'The log of progress is only ever appended to.';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER progress_events_are_final
        BEFORE UPDATE OR DELETE OR TRUNCATE ON progress_events
        FOR EACH STATEMENT EXECUTE FUNCTION progress_events_are_final()
    """)


def _create_read_models() -> None:
    op.create_table(
        "courses",
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("version_id", sa.Uuid, nullable=False),
        sa.Column("version_number", sa.Integer, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("slug", sa.String, nullable=False),
        sa.Column("visibility", sa.String, nullable=False),
        sa.Column("is_free", sa.Boolean, nullable=False),
        sa.Column("sequential", sa.Boolean, nullable=False),
        sa.Column("prerequisite_course_ids", ARRAY(sa.Uuid), nullable=False),
        sa.Column("instructor_ids", ARRAY(sa.Uuid), nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("enrollment_count", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("course_id", name="pk_courses"),
    )
    op.create_table(
        "course_versions",
        sa.Column("version_id", sa.Uuid, nullable=False),
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("lesson_ids", ARRAY(sa.Uuid), nullable=False),
        sa.Column("rules", JSONB, nullable=False, server_default=EMPTY),
        sa.PrimaryKeyConstraint("version_id", name="pk_course_versions"),
        sa.UniqueConstraint("course_id", "number", name="uq_course_versions_course_id_number"),
    )
    op.create_table(
        "lessons",
        sa.Column("lesson_id", sa.Uuid, nullable=False),
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("is_preview", sa.Boolean, nullable=False),
        sa.Column("version_number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("lesson_id", name="pk_lessons"),
    )
    op.create_table(
        "learners",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_learners"),
    )
    op.create_table(
        "members",
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("role", sa.String),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "user_id", name="pk_members"),
    )


def _create_projection() -> None:
    op.create_table(
        "enrollments",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("organization_id", sa.Uuid, nullable=False),
        sa.Column("version_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("lesson_count", sa.Integer, nullable=False),
        sa.Column("completed_lesson_ids", ARRAY(sa.Uuid), nullable=False, server_default=EMPTY),
        sa.Column("lesson_completed_at", ARRAY(MOMENT), nullable=False, server_default=EMPTY),
        sa.Column(
            "completed_count",
            sa.Integer,
            sa.Computed("cardinality(completed_lesson_ids)", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "percent_complete", sa.Integer, sa.Computed(PERCENT, persisted=True), nullable=False
        ),
        sa.Column("enrolled_at", MOMENT, nullable=False),
        sa.Column("completed_at", MOMENT),
        sa.Column("due_at", MOMENT),
        sa.Column("completed_version_id", sa.Uuid),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enrollments"),
        sa.UniqueConstraint("user_id", "course_id", name="uq_enrollments_user_id_course_id"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["course_versions.version_id"], name="fk_enrollments_version_id"
        ),
        sa.CheckConstraint(
            "cardinality(completed_lesson_ids) <= lesson_count",
            name="ck_enrollments_not_more_than_all",
        ),
        sa.CheckConstraint(
            "cardinality(completed_lesson_ids) = cardinality(lesson_completed_at)",
            name="ck_enrollments_one_time_each",
        ),
        # Room for the next version of a row beside it: see `models.Enrollment`.
        postgresql_with={"fillfactor": "85"},
    )
    for owner in ("user_id", "course_id"):
        columns = [owner, "enrolled_at", "id"]
        op.create_index(f"ix_enrollments_{owner}_enrolled_at_id", "enrollments", columns)
