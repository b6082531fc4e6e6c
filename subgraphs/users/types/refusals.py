"""Why a mutation was refused; each is named like the `DomainError` that it shows."""

import strawberry

from subgraphs.kernel.graphql import UserError


@strawberry.type
class EmailTakenError(UserError):
    """Someone is registered with this e-mail address already."""


@strawberry.type
class WeakPasswordError(UserError):
    """The password is too short, too long, common, leaked or easily guessed."""

    suggestions: list[str] = strawberry.field(metadata={"list_size": 5})
    """What would make it better."""


@strawberry.type
class InvalidCredentialsError(UserError):
    """The e-mail address or the password is wrong, or the account is not active."""


@strawberry.type
class WrongPasswordError(UserError):
    """The current password is wrong."""


@strawberry.type
class TooManyAttemptsError(UserError):
    """There were too many attempts; the pauses get longer, up to fifteen minutes."""

    retry_after: int
    """Seconds until the next attempt is allowed."""


@strawberry.type
class InvalidRefreshTokenError(UserError):
    """The refresh token is unknown, or its session has ended: log in again."""


@strawberry.type
class RefreshTokenReusedError(UserError):
    """The refresh token was used before, so someone else may have it: its session has ended."""


@strawberry.type
class SessionNotFoundError(UserError):
    """The viewer has no such session."""


@strawberry.type
class UserNotFoundError(UserError):
    """There is no such user."""


@strawberry.type
class OrganizationNotFoundError(UserError):
    """There is no such organization."""


@strawberry.federation.type(shareable=True)
class SlugTakenError(UserError):
    """Another one has this slug."""

    slug: str
    """The slug that is taken."""


@strawberry.type
class TooManyMembershipsError(UserError):
    """The person belongs to as many organizations as anyone can."""


@strawberry.type
class InvitationNotFoundError(UserError):
    """The invitation is unknown, used, older than a week, or meant for another address."""


@strawberry.type
class AlreadyMemberError(UserError):
    """The viewer is a member already."""


@strawberry.type
class MemberNotFoundError(UserError):
    """This person is not a member of the organization."""


@strawberry.type
class LastAdminError(UserError):
    """The organization's only admin cannot be demoted or removed."""


@strawberry.type
class ApiClientNotFoundError(UserError):
    """There is no such API client, or it is not the viewer's to manage."""


@strawberry.type
class InvalidClientError(UserError):
    """The client id or its secret is wrong, or the client was revoked."""


@strawberry.type
class InvalidScopeError(UserError):
    """The scope is unknown, or the client was not given it."""
