from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.users import types
from subgraphs.users.mutations.caller import enter, services
from subgraphs.users.service import sessions


@strawberry.input
class RefreshSessionInput:
    """The token to exchange."""

    refresh_token: str
    """The newest refresh token of the session."""


@strawberry.type
class RefreshSessionSuccess:
    """The session goes on with new tokens."""

    user: types.User
    """Whose session it is."""
    access_token: str
    """For the `Authorization: Bearer` header of the next ten minutes."""
    refresh_token: str
    """For the next `refreshSession`; the one that was exchanged must not be used again."""
    expires_at: datetime
    """When the access token ends."""


RefreshSessionResult = Annotated[
    RefreshSessionSuccess | types.InvalidRefreshTokenError | types.RefreshTokenReusedError,
    strawberry.union("RefreshSessionResult", description="What became of a refresh."),
]


@strawberry.input
class LogoutInput:
    """Which session to end: that of a refresh token, one of one's own, or else this one."""

    refresh_token: str | None = None
    """A refresh token; it works without an access token."""
    session_id: UUID | None = None
    """One of one's own sessions, such as a lost telephone's."""


@strawberry.type
class LogoutSuccess:
    """The session has ended, and its access tokens with it."""

    session_id: UUID | None
    """The session; null if the refresh token belonged to none."""


LogoutResult = Annotated[
    LogoutSuccess
    | types.SessionNotFoundError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError,
    strawberry.union("LogoutResult", description="What became of a logout."),
]


@strawberry.type
class LogoutEverywhereSuccess:
    """All sessions have ended, this one included, and all access tokens."""

    session_count: int
    """How many sessions were open."""


LogoutEverywhereResult = Annotated[
    LogoutEverywhereSuccess | graphql.NotAuthenticatedError | graphql.ForbiddenError,
    strawberry.union(
        "LogoutEverywhereResult", description="What became of logging out everywhere."
    ),
]


@strawberry.type
class SessionMutation:
    """Sessions: going on, and ending."""

    @strawberry.mutation
    async def refresh_session(
        self, info: types.Info, input: RefreshSessionInput
    ) -> RefreshSessionResult:
        """Exchange a refresh token for the next one and an access token.

        A token works once; if it comes again later than ten seconds, the session ends.
        """
        login = await sessions.refresh_session(
            info.context.db, services(info), token=input.refresh_token
        )
        return RefreshSessionSuccess(
            user=enter(info, login),
            access_token=login.access_token.text,
            refresh_token=login.refresh_token,
            expires_at=login.access_token.expires_at,
        )

    @strawberry.mutation
    async def logout(self, info: types.Info, input: LogoutInput) -> LogoutResult:
        """End one session."""
        ended = await info.context.transact(
            sessions.logout,
            info.context.viewer,
            refresh_token=input.refresh_token,
            session_id=input.session_id,
        )
        return LogoutSuccess(session_id=ended)

    @strawberry.mutation
    async def logout_everywhere(self, info: types.Info) -> LogoutEverywhereResult:
        """End all one's sessions, this one included."""
        ended = await info.context.transact(sessions.logout_everywhere, info.context.viewer)
        return LogoutEverywhereSuccess(session_count=ended)
