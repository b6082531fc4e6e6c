"""What can be changed about people and organizations."""

import strawberry

from subgraphs.users.mutations.accounts import AccountMutation
from subgraphs.users.mutations.administration import AdministrationMutation
from subgraphs.users.mutations.clients import ClientMutation
from subgraphs.users.mutations.organizations import OrganizationMutation
from subgraphs.users.mutations.sessions import SessionMutation


@strawberry.type
class Mutation(
    AccountMutation,
    SessionMutation,
    OrganizationMutation,
    ClientMutation,
    AdministrationMutation,
):
    """What can be changed about people and organizations."""
