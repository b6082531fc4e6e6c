"""Who may do what to an enrollment; each check but the first holds its row."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.errors import ForbiddenError
from subgraphs.learning import errors
from subgraphs.learning.locks import Standing
from subgraphs.learning.progress import EnrollmentStatus
from subgraphs.learning.repository import standings

WRITE_SCOPE = "learning:write"


async def lock(session: AsyncSession, viewer: Viewer, enrollment_id: UUID) -> tuple[UUID, Standing]:
    """Hold an enrollment that goes on and that the viewer may see; return the viewer's id too."""
    user_id = viewer.require_user()
    viewer.require_scope(WRITE_SCOPE)
    standing = await standings.lock(session, viewer, enrollment_id)
    if standing is None or standing.progress.status is EnrollmentStatus.REVOKED:
        raise errors.EnrollmentNotFoundError(enrollment_id)
    return user_id, standing


async def lock_own(
    session: AsyncSession, viewer: Viewer, enrollment_id: UUID
) -> tuple[UUID, Standing]:
    """Hold an enrollment of the viewer's own; return the viewer's id too."""
    viewer.require_person()
    user_id, standing = await lock(session, viewer, enrollment_id)
    if standing.progress.user_id != user_id:
        raise ForbiddenError("Only the learner may do this.")
    return user_id, standing
