"""What platform operators do to accounts."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox
from subgraphs.kernel.auth import ANONYMOUS, Viewer
from subgraphs.kernel.errors import ForbiddenError
from subgraphs.users.errors import UserNotFoundError
from subgraphs.users.events import UserDeactivated, UserReactivated
from subgraphs.users.models import User
from subgraphs.users.repository import people
from subgraphs.users.service import audit
from subgraphs.users.service.access import require_operator
from subgraphs.users.service.sessions import revoke_tokens, revoke_user


async def deactivate_user(session: AsyncSession, viewer: Viewer, *, user_id: UUID) -> User:
    """Lock someone out, at once and everywhere; saying so twice is harmless.

    Raises:
        UserNotFoundError, ForbiddenError
    """
    if await require_operator(session, viewer) == user_id:
        raise ForbiddenError("You cannot deactivate yourself.")
    user = await _lock(session, user_id)
    if user.is_active:
        user.deactivated_at = datetime.now(UTC)
        outbox.publish(session, UserDeactivated(user_id=user.id), of=user)
        await revoke_user(session, user)
        await audit.append(session, viewer, "user.deactivated", subject_id=user.id)
    return user


async def reactivate_user(session: AsyncSession, viewer: Viewer, *, user_id: UUID) -> User:
    """Let someone in again; saying so twice is harmless.

    Raises:
        UserNotFoundError, ForbiddenError
    """
    await require_operator(session, viewer)
    user = await _lock(session, user_id)
    if not user.is_active:
        user.deactivated_at = None
        outbox.publish(session, UserReactivated(user_id=user.id), of=user)
        await audit.append(session, viewer, "user.reactivated", subject_id=user.id)
    return user


async def _lock(session: AsyncSession, user_id: UUID) -> User:
    user = await people.lock_user(session, user_id)
    if user is None:
        raise UserNotFoundError(user_id)
    return user


async def set_operator(session: AsyncSession, email: str, *, is_operator: bool) -> User:
    """Make someone a platform operator, or no longer; only the command line may ask for this.

    Raises:
        UserNotFoundError
    """
    user_id = await people.user_id_by_email(session, email)
    if user_id is None:
        raise UserNotFoundError(email)
    user = await _lock(session, user_id)
    if user.is_operator != is_operator:
        user.is_operator = is_operator
        revoke_tokens(session, user)
        action = "operator.granted" if is_operator else "operator.withdrawn"
        await audit.append(session, ANONYMOUS, action, subject_id=user.id)
    return user
