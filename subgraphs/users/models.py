"""The tables of users, and the decisions that need nothing but a row."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from subgraphs.kernel import db

SESSION_IDLE = timedelta(days=30)
"""A session ends when its refresh token was not used for this long."""

SESSION_LIFETIME = timedelta(days=90)
"""A session ends this long after its login, however busy it is."""

INVITATION_LIFETIME = timedelta(days=7)
MAX_MEMBERSHIPS = 50
"""Roles travel in the access token: so many keep it below 4 KB."""

PLATFORM = UUID(int=0)
"""The audit chain of what concerns no single organization."""


class Role(StrEnum):
    """What a member may do in an organization."""

    STUDENT = "student"
    """Learns in its courses."""
    INSTRUCTOR = "instructor"
    """Writes and runs its courses."""
    ADMIN = "admin"
    """Runs the organization: its members, courses and API clients."""


class KeyStatus(StrEnum):
    """The life of a signing key, in its order."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


class Base(DeclarativeBase):
    metadata = db.new_metadata()
    type_annotation_map = db.TYPE_MAP


class Record(db.Identified, Base):
    __abstract__ = True


class User(db.Aggregate, Record):
    __tablename__ = "users"
    __table_args__ = (
        Index("ix_users_name_id", "name", "id"),
        Index(
            "ix_users_name_trigrams",
            "name",
            postgresql_using="gin",
            postgresql_ops={"name": "gin_trgm_ops"},
        ),
        Index(
            "ix_users_email_trigrams",
            "email",
            postgresql_using="gin",
            postgresql_ops={"email": "gin_trgm_ops"},
        ),
    )

    email: Mapped[str] = mapped_column(unique=True)
    """Normalised, so that equal addresses are equal strings."""
    password_hash: Mapped[str]
    name: Mapped[str]
    avatar_url: Mapped[str | None]
    bio: Mapped[str | None]
    locale: Mapped[str]
    time_zone: Mapped[str]
    is_operator: Mapped[bool] = mapped_column(default=False)
    deactivated_at: Mapped[datetime | None]

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None


class Session(db.Aggregate, Record):
    """A login on one device: the family of its refresh tokens, of which one is good."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index(
            "ix_sessions_open",
            "user_id",
            "last_used_at",
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_sessions_user_id_address", "user_id", "address"),
        Index("ix_sessions_expires_at", "expires_at"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(BYTEA, unique=True)
    """SHA-256 of the refresh token. The token is 256 random bits: there is nothing to guess,
    and so nothing that a slow hash would slow down."""
    device: Mapped[str | None]
    address: Mapped[str]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SpentToken(Base):
    """A refresh token that was exchanged for its successor; it must not come again."""

    __tablename__ = "spent_tokens"

    hash: Mapped[bytes] = mapped_column(BYTEA, primary_key=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    # Its foreign key makes a refresh wait for whoever revokes the user's tokens at this moment.
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    spent_at: Mapped[datetime]


class Organization(db.Aggregate, Record):
    __tablename__ = "organizations"

    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)


class Membership(Record):
    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("user_id", "organization_id"),
        Index("ix_memberships_organization_id_id", "organization_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[Role]


class Invitation(Record):
    """A way into an organization for whoever owns `email`, once."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "ix_invitations_open",
            "organization_id",
            "id",
            postgresql_where=text("accepted_at IS NULL"),
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    email: Mapped[str]
    role: Mapped[Role]
    token_hash: Mapped[bytes] = mapped_column(BYTEA, unique=True)
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]

    def accept(self, email: str) -> bool:
        """Use the invitation up, if it is still open and meant for `email`."""
        now = datetime.now(UTC)
        if self.accepted_at is not None or self.expires_at <= now or self.email != email:
            return False
        self.accepted_at = now
        return True


class ApiClient(db.Aggregate, Record):
    """A service account of an organization: an integrator's program, not a person."""

    __tablename__ = "api_clients"
    __table_args__ = (Index("ix_api_clients_organization_id_id", "organization_id", "id"),)

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(BYTEA)
    """SHA-256 of 256 random bits, as with refresh tokens."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SigningKey(Record):
    """An Ed25519 key of access tokens; its id is the `kid`."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        # One key signs, and one stands by: two processes cannot make two of either.
        Index(
            "uq_signing_keys_in_use",
            "status",
            unique=True,
            postgresql_where=text("status <> 'RETIRED'"),
        ),
    )

    status: Mapped[KeyStatus]
    private_key: Mapped[bytes] = mapped_column(BYTEA)
    """Encrypted with AES-GCM; the nonce comes first."""
    public_key: Mapped[bytes] = mapped_column(BYTEA)
    retired_at: Mapped[datetime | None]


class AuditHead(Base):
    """Where an audit chain ends now; holding this row is the right to append."""

    __tablename__ = "audit_heads"

    chain_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(BYTEA)


class AuditEntry(Record):
    """What someone did that others must be able to find out; never changed, never deleted."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("chain_id", "seq"),
        CheckConstraint("seq > 0", name="seq_positive"),
    )

    chain_id: Mapped[UUID]
    """The organization's id, or `PLATFORM`."""
    seq: Mapped[int] = mapped_column(BigInteger)
    """Numbers the entries of a chain from 1 without a gap."""
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    subject_id: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Ids and enumerated values only: the log outlives the names of people."""
    previous: Mapped[bytes] = mapped_column(BYTEA)
    hash: Mapped[bytes] = mapped_column(BYTEA)


class AuditSeal(Record):
    """What a chain looked like when a day was over."""

    __tablename__ = "audit_seals"
    __table_args__ = (UniqueConstraint("chain_id", "day"),)

    chain_id: Mapped[UUID]
    day: Mapped[str]
    """ISO date, UTC."""
    entries: Mapped[int] = mapped_column(BigInteger)
    """How many entries the chain had by the end of that day."""
    hash: Mapped[bytes] = mapped_column(BYTEA)
