"""What people and organizations have, and only they or their admins see."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from subgraphs.users import models
from subgraphs.users.models import Role

strawberry.enum(Role)


@strawberry.type
class Invitation:
    """An open invitation into an organization."""

    id: UUID
    """Its id."""
    email: str
    """Whom it is for."""
    role: Role
    """What they will be."""
    created_at: datetime
    """When it was made."""
    expires_at: datetime
    """When it stops being valid: a week later."""

    @classmethod
    def from_row(cls, row: models.Invitation) -> Self:
        return cls(
            id=row.id,
            email=row.email,
            role=row.role,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )


@strawberry.type
class ApiClient:
    """A program that acts for an organization, within its scopes."""

    id: UUID
    """Its id, which is its client id as well."""
    name: str
    """What the organization calls it."""
    scopes: list[str] = strawberry.field(metadata={"list_size": 5})
    """What it may do, such as `courses:read`."""
    created_at: datetime
    """When it was made."""
    last_used_at: datetime | None
    """When it last got an access token."""
    revoked_at: datetime | None
    """When it was revoked; null: it is in use."""

    @classmethod
    def from_row(cls, row: models.ApiClient) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            scopes=row.scopes,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            revoked_at=row.revoked_at,
        )


@strawberry.type
class Session:
    """A login on one device."""

    id: UUID
    """Its id, for logging it out."""
    device: str | None
    """What the device called itself at the login."""
    address: str
    """The network address of the login."""
    created_at: datetime
    """When the login was."""
    last_used_at: datetime
    """When it last fetched an access token."""
    expires_at: datetime
    """When it ends unless it is used again."""
    is_current: bool
    """Whether this very request belongs to it."""

    @classmethod
    def from_row(cls, row: models.Session, current: UUID | None) -> Self:
        return cls(
            id=row.id,
            device=row.device,
            address=row.address,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            is_current=row.id == current,
        )
