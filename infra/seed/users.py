"""Fills the database of users."""

import secrets

from sqlalchemy.ext.asyncio import AsyncSession

from infra.seed.copying import copy
from infra.seed.people import People
from infra.seed.sizes import chance, new_id
from subgraphs.users.gateways.passwords import Passwords
from subgraphs.users.models import Membership, Organization, Role, User

DEMO_PASSWORD = "plum-otter-lantern-42"  # noqa: S105, published: it opens demo data only


async def fill(session: AsyncSession, people: People) -> None:
    await copy(
        session,
        Organization,
        ("id", "name", "slug", "version", "created_at"),
        ((it.id, it.name, it.slug, 1, it.created_at) for it in people.organizations),
    )
    await _persons(session, people)
    numbers = chance(people.size.name, "memberships")
    await copy(
        session,
        Membership,
        ("id", "organization_id", "user_id", "role", "created_at"),
        (
            (new_id(it.created_at, numbers), organization_id, it.id, Role(role), it.created_at)
            for it in people.persons
            for organization_id, role in it.roles.items()
        ),
    )


async def _persons(session: AsyncSession, people: People) -> None:
    """Store everyone; a slow hash each would take minutes, so they share two.

    The four demo logins have the demo password. All others have one that nobody knows: no login
    fits, and a try takes as long as with anybody else.
    """
    passwords = Passwords(threads=1)
    demo = await passwords.hash(DEMO_PASSWORD)
    unknown = await passwords.hash(secrets.token_urlsafe())
    columns = ("id", "email", "password_hash", "name", "locale", "time_zone", "is_operator")
    await copy(
        session,
        User,
        (*columns, "version", "created_at"),
        (
            (
                it.id,
                it.email,
                demo if it.demo else unknown,
                it.name,
                it.locale,
                it.time_zone,
                it.is_operator,
                1,
                it.created_at,
            )
            for it in people.persons
        ),
    )
