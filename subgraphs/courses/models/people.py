"""What people are here, as others tell it; and what they think."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from subgraphs.courses.models.base import Base, Record


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


class Member(Base):
    """What a person is in an organization, told by users' events; None: a member no more."""

    __tablename__ = "members"
    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str | None]
    seq: Mapped[int] = mapped_column(BigInteger)
    """The number of the organization's event that told the role."""
    __table_args__ = (Index("ix_members_user_id", "user_id"),)


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
