from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    any_,
    bindparam,
    exists,
    false,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel.auth import ANONYMOUS, Viewer
from subgraphs.kernel.db import Database
from subgraphs.kernel.prepared import IDS, Prepared
from subgraphs.users.models import Membership, Role, Session, User

ADMIN = Role.ADMIN.value
READ_SCOPE = "users:read"

Profile = Any
"""A `User`, or a row of these columns of one."""

_PROFILE = (
    User.id,
    User.name,
    User.avatar_url,
    User.bio,
    User.created_at,
    User.email,
    User.locale,
    User.time_zone,
    User.is_operator,
    User.deactivated_at,
)


def visible_users(viewer: Viewer) -> Select[User]:
    """The public profiles: of everyone active, and of others to those who administer them.

    The viewer is no more than the values of its parameters: `asking` tells those of another.
    """
    asked = asking(viewer)
    administered = exists().where(
        Membership.user_id == User.id,
        Membership.organization_id == any_(bindparam("administers", asked["administers"], IDS)),
    )
    anyone = bindparam("is_operator", asked["is_operator"], Boolean)
    return select(User).where(or_(User.deactivated_at.is_(None), anyone, administered))


def asking(viewer: Viewer) -> dict[str, Any]:
    """The parameters of `visible_users`."""
    administers = viewer.organizations_as(ADMIN) if viewer.may(READ_SCOPE) else ()
    return {"is_operator": viewer.is_operator, "administers": list(administers)}


def administered_users(viewer: Viewer) -> Select[User]:
    """Those whose e-mail address and settings the viewer may see, oneself aside."""
    return select(User).where(_administered(viewer))


def _administered(viewer: Viewer) -> ColumnElement[bool]:
    if viewer.is_operator:
        return true()
    organizations = viewer.organizations_as(ADMIN)
    if not organizations or not viewer.may(READ_SCOPE):
        return false()
    return exists().where(
        Membership.user_id == User.id, Membership.organization_id.in_(organizations)
    )


def matching(query: Select[User], search: str) -> Select[User]:
    """Those whose name or address contains `search`, in whatever case."""
    return query.where(
        or_(
            User.name.icontains(search, autoescape=True),
            User.email.icontains(search, autoescape=True),
        )
    )


@cache
def _profiles() -> Prepared:
    wanted = User.id == any_(bindparam("ids", type_=IDS))
    return Prepared(visible_users(ANONYMOUS).with_only_columns(*_PROFILE).where(wanted))


async def users_by_id(db: Database, viewer: Viewer, ids: Sequence[UUID]) -> list[Profile | None]:
    """Find the visible user, or None, for each id, in their order."""
    rows = await _profiles().rows(db, ids=ids, **asking(viewer))
    found = {row.id: row for row in rows}
    return [found.get(id) for id in ids]


async def administered(session: AsyncSession, viewer: Viewer, ids: Sequence[UUID]) -> list[bool]:
    """Tell of each id whether it is one of `administered_users`."""
    query = administered_users(viewer).with_only_columns(User.id).where(User.id.in_(ids))
    found = set(await session.scalars(query))
    return [id in found for id in ids]


async def login_candidate(
    session: AsyncSession, email: str, address: str
) -> tuple[User, bool] | None:
    """Find who logs in with `email`, and whether they ever did from `address`."""
    known = exists().where(Session.user_id == User.id, Session.address == address)
    row = (await session.execute(select(User, known).where(User.email == email))).one_or_none()
    return (row[0], bool(row[1])) if row else None


async def user_with_roles(
    session: AsyncSession, user_id: UUID
) -> tuple[User, dict[UUID, Role]] | None:
    """Read what an access token says of an active person."""
    found = await session.execute(
        select(User, Membership)
        .outerjoin(Membership, Membership.user_id == User.id)
        .where(User.id == user_id, User.deactivated_at.is_(None))
        .execution_options(populate_existing=True)
    )
    # An outer join: someone who belongs nowhere has one row, with no membership in it.
    rows: list[tuple[User, Membership | None]] = [(user, place) for user, place in found]
    if not rows:
        return None
    return rows[0][0], {place.organization_id: place.role for _, place in rows if place}


async def lock_user(session: AsyncSession, user_id: UUID) -> User | None:
    """Lock a user against everything that makes or revokes their tokens.

    It must be this strong: a new session or a refresh only holds the user's key.
    """
    query = select(User).where(User.id == user_id).with_for_update()
    row: User | None = await session.scalar(query.execution_options(populate_existing=True))
    return row


async def hold_user(session: AsyncSession, user_id: UUID) -> None:
    """Wait for whoever revokes the user's tokens now, as an insert that refers to them would."""
    await session.execute(
        select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True)
    )


def open_session(now: datetime) -> ColumnElement[bool]:
    return and_(Session.ended_at.is_(None), Session.expires_at > now)


async def is_operator(session: AsyncSession, user_id: UUID) -> bool:
    query = select(User.id).where(
        User.id == user_id, User.is_operator, User.deactivated_at.is_(None)
    )
    return await session.scalar(query) is not None


async def user_id_by_email(session: AsyncSession, email: str) -> UUID | None:
    return await session.scalar(select(User.id).where(User.email == email))
