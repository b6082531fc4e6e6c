from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.users import types
from subgraphs.users.mutations.caller import services
from subgraphs.users.service import clients


@strawberry.input
class CreateApiClientInput:
    """A new API client."""

    organization_id: UUID
    """The organization that it will act for."""
    name: str
    """What to call it, 1 to 100 characters."""
    scopes: list[str]
    """What it may do: of `courses:read`, `courses:write`, `learning:read`, `learning:write` and
    `users:read`."""


@strawberry.type
class CreateApiClientSuccess:
    """The client exists."""

    client: types.ApiClient
    """The client."""
    secret: str
    """Its secret, shown this once."""


CreateApiClientResult = Annotated[
    CreateApiClientSuccess
    | types.OrganizationNotFoundError
    | types.InvalidScopeError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError
    | graphql.InvalidInputError,
    strawberry.union("CreateApiClientResult", description="What became of a new API client."),
]


@strawberry.input
class RevokeApiClientInput:
    """Which client to revoke."""

    client_id: UUID
    """The client."""


@strawberry.type
class RevokeApiClientSuccess:
    """The client is revoked, and its access tokens with it."""

    client: types.ApiClient
    """The client."""


RevokeApiClientResult = Annotated[
    RevokeApiClientSuccess
    | types.ApiClientNotFoundError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError,
    strawberry.union("RevokeApiClientResult", description="What became of a revocation."),
]


@strawberry.input
class ClientTokenInput:
    """How a client proves who it is, and what it wants to do."""

    client_id: UUID
    """The client."""
    client_secret: str
    """Its secret."""
    scope: str | None = None
    """The scopes wanted, separated by spaces; all that the client was given unless told."""


@strawberry.type
class ClientTokenSuccess:
    """The client may act for its organization for ten minutes."""

    access_token: str
    """For the `Authorization: Bearer` header."""
    expires_at: datetime
    """When the access token ends."""
    scope: str
    """What it allows, separated by spaces."""


ClientTokenResult = Annotated[
    ClientTokenSuccess
    | types.InvalidClientError
    | types.InvalidScopeError
    | types.TooManyAttemptsError,
    strawberry.union("ClientTokenResult", description="What became of a client's login."),
]


@strawberry.type
class ClientMutation:
    """API clients of organizations."""

    @strawberry.mutation
    async def create_api_client(
        self, info: types.Info, input: CreateApiClientInput
    ) -> CreateApiClientResult:
        """Make an API client; for admins."""
        row, secret = await info.context.transact(
            clients.create_api_client,
            info.context.viewer,
            organization_id=input.organization_id,
            name=input.name,
            scopes=input.scopes,
        )
        return CreateApiClientSuccess(client=types.ApiClient.from_row(row), secret=secret)

    @strawberry.mutation
    async def revoke_api_client(
        self, info: types.Info, input: RevokeApiClientInput
    ) -> RevokeApiClientResult:
        """Revoke an API client, at once; for admins."""
        row = await info.context.transact(
            clients.revoke_api_client, info.context.viewer, client_id=input.client_id
        )
        return RevokeApiClientSuccess(client=types.ApiClient.from_row(row))

    @strawberry.mutation
    async def client_token(self, info: types.Info, input: ClientTokenInput) -> ClientTokenResult:
        """Log a program in: the client credentials grant of OAuth 2, as a mutation."""
        token, scopes = await clients.client_token(
            info.context.db,
            services(info),
            info.context.client,
            client_id=input.client_id,
            client_secret=input.client_secret,
            scope=input.scope,
        )
        return ClientTokenSuccess(
            access_token=token.text, expires_at=token.expires_at, scope=" ".join(scopes)
        )
