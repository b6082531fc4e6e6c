"""Organizations and who belongs to them, in which role.

Whoever loses or changes a role loses the access tokens that still name the old one. Whoever gains
one gets a token that names it at once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import new_id
from subgraphs.kernel.errors import NotAuthenticatedError
from subgraphs.users.errors import (
    AlreadyMemberError,
    InvitationNotFoundError,
    LastAdminError,
    MemberNotFoundError,
    SlugTakenError,
    TooManyMembershipsError,
)
from subgraphs.users.events import MembershipChanged, OrganizationCreated
from subgraphs.users.gateways.crypto import fingerprint, new_token
from subgraphs.users.models import (
    INVITATION_LIFETIME,
    MAX_MEMBERSHIPS,
    Invitation,
    Membership,
    Organization,
    Role,
    User,
)
from subgraphs.users.repository import organizations as repository
from subgraphs.users.repository import people, sessions
from subgraphs.users.service import audit, texts
from subgraphs.users.service.access import (
    lock_administered,
    lock_person,
    require_admin,
)
from subgraphs.users.service.sessions import revoke_tokens
from subgraphs.users.service.tokens import AccessToken, Mint

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Joined(Generic[T]):
    """What someone now belongs to, and a token that says so."""

    subject: T
    access_token: AccessToken


async def create_organization(
    session: AsyncSession, viewer: Viewer, mint: Mint, *, name: str, slug: str
) -> Joined[Organization]:
    """Found an organization; the founder is its first admin.

    Raises:
        SlugTakenError, TooManyMembershipsError, InvalidInputError
    """
    user_id = viewer.require_person()
    row = Organization(id=new_id(), name=texts.line("name", name), slug=texts.slug("slug", slug))
    outbox.publish(
        session,
        OrganizationCreated(organization_id=row.id, name=row.name, slug=row.slug),
        of=row,
        tenant_id=row.id,
    )
    session.add(row)
    # The membership's event is staged with the row's insert still to come: one statement.
    _announce(session, row, user_id, Role.ADMIN)
    try:
        await session.flush()
    except IntegrityError as error:
        raise SlugTakenError(row.slug) from error
    user = await lock_person(session, viewer)
    await _require_room(session, user)
    session.add(Membership(organization_id=row.id, user_id=user.id, role=Role.ADMIN))
    await audit.append(
        session, viewer, "organization.created", organization_id=row.id, subject_id=row.id
    )
    return Joined(row, await _new_token(session, viewer, mint, user))


async def invite_member(
    session: AsyncSession, viewer: Viewer, *, organization_id: UUID, email: str, role: Role
) -> tuple[Invitation, str]:
    """Invite whoever owns an address; return the invitation and its token, which is not kept.

    The inviter passes the token on. Nobody learns whether the address belongs to anyone.
    """
    inviter = require_admin(viewer, organization_id)
    address = texts.email("email", email)
    await lock_administered(session, viewer, organization_id)
    token = new_token()
    row = Invitation(
        id=new_id(),
        organization_id=organization_id,
        email=address,
        role=role,
        token_hash=fingerprint(token),
        invited_by=inviter,
        expires_at=datetime.now(UTC) + INVITATION_LIFETIME,
    )
    session.add(row)
    await audit.append(
        session,
        viewer,
        "member.invited",
        organization_id=organization_id,
        subject_id=row.id,
        role=role.value,
    )
    return row, token


async def accept_invitation(
    session: AsyncSession, viewer: Viewer, mint: Mint, *, token: str
) -> Joined[Membership]:
    """Join the organization that an invitation to the viewer's own address is for.

    Raises:
        InvitationNotFoundError, AlreadyMemberError, TooManyMembershipsError
    """
    viewer.require_person()
    invitation = await repository.lock_invitation(session, fingerprint(token))
    if invitation is None:
        raise InvitationNotFoundError
    organization = await repository.lock_organization(session, invitation.organization_id)
    user = await lock_person(session, viewer)
    if organization is None or not invitation.accept(user.email):
        raise InvitationNotFoundError
    if await repository.find_membership(session, organization.id, user.id):
        raise AlreadyMemberError
    await _require_room(session, user)
    row = Membership(organization_id=organization.id, user_id=user.id, role=invitation.role)
    session.add(row)
    _announce(session, organization, user.id, row.role)
    await audit.append(
        session,
        viewer,
        "member.joined",
        organization_id=organization.id,
        subject_id=user.id,
        role=row.role.value,
    )
    return Joined(row, await _new_token(session, viewer, mint, user))


async def set_member_role(
    session: AsyncSession,
    viewer: Viewer,
    *,
    organization_id: UUID,
    user_id: UUID,
    role: Role | None,
) -> User:
    """Change what a member may do, or (with None) end the membership.

    Raises:
        MemberNotFoundError, LastAdminError, OrganizationNotFoundError
    """
    organization = await lock_administered(session, viewer, organization_id)
    member = await repository.find_membership(session, organization_id, user_id)
    user = await people.lock_user(session, user_id)
    if member is None or user is None:
        raise MemberNotFoundError
    if member.role == role:
        return user
    if member.role is Role.ADMIN and await repository.count_admins(session, organization_id) == 1:
        raise LastAdminError
    before = member.role
    if role is None:
        await session.delete(member)
    else:
        member.role = role
    _announce(session, organization, user_id, role)
    revoke_tokens(session, user)
    await audit.append(
        session,
        viewer,
        "member.role_changed",
        organization_id=organization_id,
        subject_id=user_id,
        before=before.value,
        after=role.value if role else None,
    )
    return user


def _announce(
    session: AsyncSession, organization: Organization, user_id: UUID, role: Role | None
) -> None:
    outbox.publish(
        session,
        MembershipChanged(organization_id=organization.id, user_id=user_id, role=role),
        of=organization,
        tenant_id=organization.id,
    )


async def _require_room(session: AsyncSession, user: User) -> None:
    if await repository.count_memberships(session, user.id) >= MAX_MEMBERSHIPS:
        raise TooManyMembershipsError(MAX_MEMBERSHIPS)


async def _new_token(session: AsyncSession, viewer: Viewer, mint: Mint, user: User) -> AccessToken:
    """Make a token that knows of the new role; it ends with the old one, which it does not renew.

    Raises:
        NotAuthenticatedError: The session has ended, whether the old token knows it yet or not.
    """
    if viewer.session_id is None:
        raise NotAuthenticatedError
    found = await people.user_with_roles(session, user.id)
    held = await sessions.hold_session(session, viewer.session_id, datetime.now(UTC))
    if found is None or held is None:
        raise NotAuthenticatedError
    return mint.for_person(user, found[1], held.id, until=viewer.expires_at)
