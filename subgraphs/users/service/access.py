"""Who may do what: the checks that several use cases share."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.errors import ForbiddenError, NotAuthenticatedError
from subgraphs.users.errors import OrganizationNotFoundError
from subgraphs.users.models import Organization, Role, User
from subgraphs.users.repository import people
from subgraphs.users.repository.organizations import lock_organization, runs


async def lock_person(session: AsyncSession, viewer: Viewer) -> User:
    """Lock the person asking, for changing what their tokens rest on."""
    user = await people.lock_user(session, viewer.require_person())
    if user is None or not user.is_active:
        raise NotAuthenticatedError
    return user


async def lock_administered(
    session: AsyncSession, viewer: Viewer, organization_id: UUID
) -> Organization:
    """Lock an organization that the viewer runs: now, whatever their token still says."""
    user_id = require_admin(viewer, organization_id)
    row = await lock_organization(session, organization_id)
    if row is None:
        raise OrganizationNotFoundError(organization_id)
    if not await runs(session, user_id, organization_id):
        raise ForbiddenError
    return row


def require_admin(viewer: Viewer, organization_id: UUID) -> UUID:
    """Return the id of the admin asking, or of an operator."""
    viewer.require_person()
    return viewer.require_role(organization_id, (Role.ADMIN,))


async def require_operator(session: AsyncSession, viewer: Viewer) -> UUID:
    """Return the id of an operator who is one now, whatever their token still says."""
    user_id = viewer.require_person()
    if not viewer.is_operator or not await people.is_operator(session, user_id):
        raise ForbiddenError
    return user_id
