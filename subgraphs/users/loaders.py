from dataclasses import dataclass
from functools import partial
from typing import Self
from uuid import UUID

from strawberry.dataloader import DataLoader

from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import Database
from subgraphs.users import models
from subgraphs.users.repository import organizations, people


@dataclass(frozen=True)
class Loaders:
    """What resolvers of many objects ask in one question each."""

    user: DataLoader[UUID, people.Profile | None]
    administered: DataLoader[UUID, bool]
    """Whether the viewer may see a user's e-mail address and settings, as an admin."""
    organization: DataLoader[UUID, organizations.Named | None]
    memberships: DataLoader[UUID, list[models.Membership]]
    """Of a user, those that the viewer may see."""
    members: graphql.Nested
    invitations: graphql.Nested
    api_clients: graphql.Nested
    audit_log: graphql.Nested

    @classmethod
    def build(cls, db: Database, viewer: Viewer) -> Self:
        async def users(ids: list[UUID]) -> list[people.Profile | None]:
            return await people.users_by_id(db, viewer, ids)

        async def administered(ids: list[UUID]) -> list[bool]:
            if viewer.is_operator:
                return [True] * len(ids)
            if not viewer.organizations_as(people.ADMIN):
                return [False] * len(ids)
            async with db.read() as session:
                return await people.administered(session, viewer, ids)

        async def organizations_(ids: list[UUID]) -> list[organizations.Named | None]:
            return await organizations.organizations_by_id(db, viewer, ids)

        async def memberships(ids: list[UUID]) -> list[list[models.Membership]]:
            async with db.read() as session:
                return await organizations.memberships_of_users(session, viewer, ids)

        return cls(
            user=DataLoader(users),
            administered=DataLoader(administered),
            organization=DataLoader(organizations_),
            memberships=DataLoader(memberships),
            members=graphql.Nested(db, partial(organizations.members, viewer)),
            invitations=graphql.Nested(db, partial(organizations.invitations, viewer)),
            api_clients=graphql.Nested(db, partial(organizations.api_clients, viewer)),
            audit_log=graphql.Nested(db, partial(organizations.audit_log, viewer)),
        )
