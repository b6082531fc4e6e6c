"""People, organizations, and what binds them."""

from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from subgraphs.kernel import graphql
from subgraphs.kernel.pages import page_request
from subgraphs.users import models
from subgraphs.users.models import Role
from subgraphs.users.repository import sessions
from subgraphs.users.repository.organizations import Named
from subgraphs.users.repository.people import Profile
from subgraphs.users.types.paging import Info
from subgraphs.users.types.records import ApiClient, Invitation, Session

MAX_SESSIONS = 100


@strawberry.federation.type(keys=["id"])
class User:
    """A person. The profile is public; the rest is for the person and those who administer."""

    id: UUID
    """The person's id."""
    name: str
    """What the person wants to be called."""
    avatar_url: str | None
    """An https address of a picture."""
    bio: str | None
    """What the person says about themselves, as plain text."""
    created_at: datetime
    """When the person registered."""
    row: strawberry.Private[Profile]

    @strawberry.field
    async def email(self, info: Info) -> str | None:
        """The e-mail address; null unless it is one's own or one administers this person."""
        return self.row.email if await self._is_open_to(info) else None

    @strawberry.field
    async def locale(self, info: Info) -> str | None:
        """The language tag of the person's language; visible like the e-mail address."""
        return self.row.locale if await self._is_open_to(info) else None

    @strawberry.field
    async def time_zone(self, info: Info) -> str | None:
        """The person's IANA time zone; visible like the e-mail address."""
        return self.row.time_zone if await self._is_open_to(info) else None

    @strawberry.field
    async def is_active(self, info: Info) -> bool | None:
        """Whether the person can log in; visible like the e-mail address."""
        return self.row.deactivated_at is None if await self._is_open_to(info) else None

    @strawberry.field
    async def is_operator(self, info: Info) -> bool | None:
        """Whether the person operates the platform; visible like the e-mail address."""
        return self.row.is_operator if await self._is_open_to(info) else None

    @graphql.list_field(size=5)
    async def memberships(self, info: Info) -> list["Membership"]:
        """One's own memberships; of others, those in the organizations that one administers."""
        rows = await info.context.loaders.memberships.load(self.id)
        return [Membership.from_row(row) for row in rows]

    @graphql.list_field(size=20)
    async def sessions(self, info: Info) -> list[Session] | None:
        """One's own open sessions, at most 100, the one used last first; null for others."""
        viewer = info.context.viewer
        if viewer.user_id != self.id:
            return None
        async with info.context.read() as session:
            rows = await sessions.open_sessions(session, viewer, datetime.now(UTC), MAX_SESSIONS)
        return [Session.from_row(row, viewer.session_id) for row in rows]

    async def _is_open_to(self, info: Info) -> bool:
        """Tell whether the viewer is this person, or administers them."""
        if info.context.viewer.user_id == self.id:
            return True
        return await info.context.loaders.administered.load(self.id)

    @classmethod
    def from_row(cls, row: Profile) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            avatar_url=row.avatar_url,
            bio=row.bio,
            created_at=row.created_at,
            row=row,
        )

    @classmethod
    async def load(cls, info: Info, id: UUID) -> Self | None:
        row = await info.context.loaders.user.load(id)
        return cls.from_row(row) if row else None

    @classmethod
    async def resolve_reference(cls, info: Info, id: UUID) -> Self | None:
        return await cls.load(info, id)

    @classmethod
    async def resolve_references(cls, info: Info, ids: list[UUID]) -> list[Self | None]:
        rows = await info.context.loaders.user.load_many(ids)
        return [cls.from_row(row) if row else None for row in rows]


@strawberry.type
class Membership:
    """A person's place in an organization."""

    role: Role
    """What the person may do there."""
    created_at: datetime
    """Since when."""
    row: strawberry.Private[models.Membership]

    @strawberry.field
    async def user(self, info: Info) -> User | None:
        """The member."""
        return await User.load(info, self.row.user_id)

    @strawberry.field
    async def organization(self, info: Info) -> "Organization | None":
        """The organization."""
        return await Organization.load(info, self.row.organization_id)

    @classmethod
    def from_row(cls, row: models.Membership) -> Self:
        return cls(role=row.role, created_at=row.created_at, row=row)


@strawberry.type
class AuditEntry:
    """A privileged act or an event of security, written down for good."""

    seq: int
    """Its place in the organization's log, from 1 without a gap."""
    at: datetime
    """When it happened."""
    action: str
    """What happened, such as `member.role_changed`."""
    subject_id: UUID | None
    """Whom or what it was done to."""
    details: JSON
    """More about it, as an object."""
    fingerprint: str
    """SHA-256, in hexadecimal, of this entry and all before it."""
    actor_id: UUID | None
    """Who did it: a user's id; null: the platform itself."""

    @strawberry.field
    async def actor(self, info: Info) -> User | None:
        """Who did it, if that is a user."""
        return await User.load(info, self.actor_id) if self.actor_id else None

    @classmethod
    def from_row(cls, row: models.AuditEntry) -> Self:
        return cls(
            seq=row.seq,
            at=row.at,
            action=row.action,
            subject_id=row.subject_id,
            details=JSON(row.details),
            fingerprint=row.hash.hex(),
            actor_id=row.actor_id,
        )


@strawberry.federation.type(keys=["id"])
class Organization:
    """A tenant: it owns courses, and people belong to it in a role."""

    id: UUID
    """The organization's id."""
    name: str
    """What it is called."""
    slug: str
    """Its name in addresses."""
    created_at: datetime
    """When it was founded."""

    @strawberry.field
    async def members(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[Membership]:
        """Its members, oldest first; those who do not administer it see only themselves."""
        request = page_request(first=first, after=after, last=last, before=before)
        members = info.context.loaders.members
        return await members.connection(self.id, Membership.from_row, request)

    @strawberry.field
    async def invitations(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[Invitation]:
        """Its open invitations, newest first; only admins see any."""
        request = page_request(first=first, after=after, last=last, before=before)
        invitations = info.context.loaders.invitations
        return await invitations.connection(self.id, Invitation.from_row, request)

    @strawberry.field
    async def api_clients(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[ApiClient]:
        """Its API clients, revoked ones too, newest first; only admins see any."""
        request = page_request(first=first, after=after, last=last, before=before)
        api_clients = info.context.loaders.api_clients
        return await api_clients.connection(self.id, ApiClient.from_row, request)

    @strawberry.field
    async def audit_log(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> graphql.Connection[AuditEntry]:
        """What was done in it that needs a role, newest first; only admins see any."""
        request = page_request(first=first, after=after, last=last, before=before)
        audit_log = info.context.loaders.audit_log
        return await audit_log.connection(self.id, AuditEntry.from_row, request)

    @classmethod
    def from_row(cls, row: Named) -> Self:
        return cls(id=row.id, name=row.name, slug=row.slug, created_at=row.created_at)

    @classmethod
    async def load(cls, info: Info, id: UUID) -> Self | None:
        row = await info.context.loaders.organization.load(id)
        return cls.from_row(row) if row else None

    @classmethod
    async def resolve_reference(cls, info: Info, id: UUID) -> Self | None:
        return await cls.load(info, id)

    @classmethod
    async def resolve_references(cls, info: Info, ids: list[UUID]) -> list[Self | None]:
        rows = await info.context.loaders.organization.load_many(ids)
        return [cls.from_row(row) if row else None for row in rows]
