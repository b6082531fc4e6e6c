"""What users tells the others; the payload of a published version never changes."""

from uuid import UUID

from subgraphs.kernel.events import Event


class UserRegistered(Event, type="users.user_registered", version=1):
    user_id: UUID
    name: str
    locale: str
    time_zone: str


class UserProfileChanged(Event, type="users.user_profile_changed", version=1):
    user_id: UUID
    name: str
    locale: str
    time_zone: str


class UserDeactivated(Event, type="users.user_deactivated", version=1):
    user_id: UUID


class UserReactivated(Event, type="users.user_reactivated", version=1):
    user_id: UUID


class RefreshReused(Event, type="users.refresh_reused", version=1):
    """A refresh token came a second time and its session was ended: its owner should know."""

    user_id: UUID
    session_id: UUID


class OrganizationCreated(Event, type="users.organization_created", version=1):
    organization_id: UUID
    name: str
    slug: str


class MembershipChanged(Event, type="users.membership_changed", version=1):
    """`role` is what the user now is in the organization; None: no member any more."""

    organization_id: UUID
    user_id: UUID
    role: str | None
