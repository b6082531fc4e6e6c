from typing import Annotated
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.users import types
from subgraphs.users.service import administration


@strawberry.input
class DeactivateUserInput:
    """Whom to lock out."""

    user_id: UUID
    """The person."""


@strawberry.type
class DeactivateUserSuccess:
    """The person is locked out: every session and access token has ended."""

    user: types.User
    """The person."""


DeactivateUserResult = Annotated[
    DeactivateUserSuccess
    | types.UserNotFoundError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError,
    strawberry.union("DeactivateUserResult", description="What became of a deactivation."),
]


@strawberry.input
class ReactivateUserInput:
    """Whom to let in again."""

    user_id: UUID
    """The person."""


@strawberry.type
class ReactivateUserSuccess:
    """The person can log in again."""

    user: types.User
    """The person."""


ReactivateUserResult = Annotated[
    ReactivateUserSuccess
    | types.UserNotFoundError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError,
    strawberry.union("ReactivateUserResult", description="What became of a reactivation."),
]


@strawberry.type
class AdministrationMutation:
    """What platform operators do."""

    @strawberry.mutation
    async def deactivate_user(
        self, info: types.Info, input: DeactivateUserInput
    ) -> DeactivateUserResult:
        """Lock someone out, at once and everywhere; for platform operators."""
        row = await info.context.transact(
            administration.deactivate_user, info.context.viewer, user_id=input.user_id
        )
        return DeactivateUserSuccess(user=types.User.from_row(row))

    @strawberry.mutation
    async def reactivate_user(
        self, info: types.Info, input: ReactivateUserInput
    ) -> ReactivateUserResult:
        """Let someone in again; for platform operators."""
        row = await info.context.transact(
            administration.reactivate_user, info.context.viewer, user_id=input.user_id
        )
        return ReactivateUserSuccess(user=types.User.from_row(row))
