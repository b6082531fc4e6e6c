from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, any_, bindparam, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import ANONYMOUS, Viewer
from subgraphs.kernel.db import Database
from subgraphs.kernel.pages import Listing, Order
from subgraphs.kernel.prepared import IDS, Prepared
from subgraphs.users.errors import ApiClientNotFoundError
from subgraphs.users.models import (
    ApiClient,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    Role,
    User,
)
from subgraphs.users.repository.people import ADMIN, READ_SCOPE

Named = Any
"""An `Organization`, or a row of its id, name, slug and age."""


def visible_organizations(_viewer: Viewer) -> Select[Organization]:
    """An organization's name is public: it stands on the pages of its courses."""
    return select(Organization)


def visible_memberships(viewer: Viewer) -> Select[Membership]:
    """One's own, and all those of the organizations that one administers."""
    query = select(Membership)
    if viewer.is_operator:
        return query.where(true())
    if viewer.user_id is None or not viewer.may(READ_SCOPE):
        return query.where(false())
    return query.where(
        or_(
            Membership.user_id == viewer.user_id,
            Membership.organization_id.in_(viewer.organizations_as(ADMIN)),
        )
    )


def visible_invitations(viewer: Viewer, now: datetime) -> Select[Invitation]:
    """Those that are open, to the admins."""
    query = select(Invitation).where(Invitation.accepted_at.is_(None), Invitation.expires_at > now)
    if viewer.is_operator:
        return query
    return query.where(Invitation.organization_id.in_(_run_by(viewer)))


def visible_api_clients(viewer: Viewer) -> Select[ApiClient]:
    if viewer.is_operator:
        return select(ApiClient)
    return select(ApiClient).where(ApiClient.organization_id.in_(_run_by(viewer)))


def visible_audit_entries(viewer: Viewer) -> Select[AuditEntry]:
    if viewer.is_operator:
        return select(AuditEntry)
    return select(AuditEntry).where(AuditEntry.chain_id.in_(_run_by(viewer)))


def members(viewer: Viewer) -> Listing:
    """The visible memberships of each organization, oldest first."""
    return Listing(
        visible_memberships(viewer),
        lambda organization_id: Membership.organization_id == organization_id,
        (Order(Membership.id),),
    )


def invitations(viewer: Viewer) -> Listing:
    """The visible invitations into each organization, newest first."""
    return Listing(
        visible_invitations(viewer, datetime.now(UTC)),
        lambda organization_id: Invitation.organization_id == organization_id,
        (Order(Invitation.id, descending=True),),
    )


def api_clients(viewer: Viewer) -> Listing:
    """The visible API clients of each organization, newest first."""
    return Listing(
        visible_api_clients(viewer),
        lambda organization_id: ApiClient.organization_id == organization_id,
        (Order(ApiClient.id, descending=True),),
    )


def audit_log(viewer: Viewer) -> Listing:
    """The visible log of each organization, newest first; its numbers are the log's own."""
    return Listing(
        visible_audit_entries(viewer),
        lambda organization_id: AuditEntry.chain_id == organization_id,
        (Order(AuditEntry.seq, descending=True), Order(AuditEntry.id, descending=True)),
    )


def _run_by(viewer: Viewer) -> frozenset[UUID]:
    """What an admin sees and no program: no scope reaches it."""
    return viewer.organizations_as(ADMIN) if viewer.scopes is None else frozenset()


@cache
def _named() -> Prepared:
    columns = (Organization.id, Organization.name, Organization.slug, Organization.created_at)
    wanted = Organization.id == any_(bindparam("ids", type_=IDS))
    return Prepared(visible_organizations(ANONYMOUS).with_only_columns(*columns).where(wanted))


async def organizations_by_id(
    db: Database, _viewer: Viewer, ids: Sequence[UUID]
) -> list[Named | None]:
    """Find the organization, or None, for each id, in their order."""
    found = {row.id: row for row in await _named().rows(db, ids=ids)}
    return [found.get(id) for id in ids]


async def organization_by_slug(
    session: AsyncSession, viewer: Viewer, slug: str
) -> Organization | None:
    query = visible_organizations(viewer).where(Organization.slug == slug)
    row: Organization | None = await session.scalar(query)
    return row


async def memberships_of_users(
    session: AsyncSession, viewer: Viewer, user_ids: Sequence[UUID]
) -> list[list[Membership]]:
    """Find the visible memberships of each user, oldest first."""
    query = visible_memberships(viewer).where(Membership.user_id.in_(user_ids))
    found: dict[UUID, list[Membership]] = {id: [] for id in user_ids}
    for row in await session.scalars(query.order_by(Membership.id)):
        found[row.user_id].append(row)
    return [found[id] for id in user_ids]


async def lock_organization(session: AsyncSession, organization_id: UUID) -> Organization | None:
    """Lock an organization: its members change one at a time."""
    query = select(Organization).where(Organization.id == organization_id).with_for_update()
    query = query.execution_options(populate_existing=True)
    row: Organization | None = await session.scalar(query)
    return row


async def find_membership(
    session: AsyncSession, organization_id: UUID, user_id: UUID
) -> Membership | None:
    query = select(Membership).where(
        Membership.organization_id == organization_id, Membership.user_id == user_id
    )
    row: Membership | None = await session.scalar(query)
    return row


async def runs(session: AsyncSession, user_id: UUID, organization_id: UUID) -> bool:
    """Tell whether someone is an admin there, or an operator, and active."""
    mine = and_(Membership.user_id == User.id, Membership.organization_id == organization_id)
    query = select(User.id).outerjoin(Membership, mine)
    query = query.where(
        User.id == user_id,
        User.deactivated_at.is_(None),
        or_(User.is_operator, Membership.role == Role.ADMIN),
    )
    return await session.scalar(query) is not None


async def count_admins(session: AsyncSession, organization_id: UUID) -> int:
    query = select(func.count()).where(
        Membership.organization_id == organization_id, Membership.role == Role.ADMIN
    )
    return await session.scalar(query) or 0


async def count_memberships(session: AsyncSession, user_id: UUID) -> int:
    return await session.scalar(select(func.count()).where(Membership.user_id == user_id)) or 0


async def lock_invitation(session: AsyncSession, token_hash: bytes) -> Invitation | None:
    query = select(Invitation).where(Invitation.token_hash == token_hash).with_for_update()
    row: Invitation | None = await session.scalar(query)
    return row


async def lock_api_client(session: AsyncSession, viewer: Viewer, client_id: UUID) -> ApiClient:
    query = visible_api_clients(viewer).where(ApiClient.id == client_id).with_for_update()
    row = await session.scalar(query)
    if row is None:
        raise ApiClientNotFoundError(client_id)
    return row


async def hold_api_client(session: AsyncSession, client_id: UUID) -> ApiClient | None:
    """Read a client that cannot be revoked before this transaction ends."""
    query = select(ApiClient).where(ApiClient.id == client_id, ApiClient.revoked_at.is_(None))
    row: ApiClient | None = await session.scalar(query.with_for_update())
    return row
