"""What a caller may be told when a use case is refused."""

from collections.abc import Sequence
from uuid import UUID

from subgraphs.kernel.errors import DomainError


class EmailTakenError(DomainError):
    def __init__(self) -> None:
        super().__init__("Someone is registered with this e-mail address already.")


class WeakPasswordError(DomainError):
    """The password is short, common, leaked or easily guessed."""

    def __init__(self, message: str, suggestions: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.suggestions = list(suggestions)


class InvalidCredentialsError(DomainError):
    """One message for every cause, so that nobody learns who is registered."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class WrongPasswordError(DomainError):
    def __init__(self) -> None:
        super().__init__("The current password is wrong.")


class TooManyAttemptsError(DomainError):
    """Try again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after} s.")
        self.retry_after = retry_after


class InvalidRefreshTokenError(DomainError):
    def __init__(self) -> None:
        super().__init__("This session has ended. Log in again.")


class RefreshTokenReusedError(DomainError):
    """A token came a second time: one of two holders has stolen it, so the session is over."""

    def __init__(self) -> None:
        super().__init__("This refresh token was used before; its session has been ended.")


class SessionNotFoundError(DomainError):
    def __init__(self, session_id: UUID) -> None:
        super().__init__(f"You have no session {session_id}.")


class UserNotFoundError(DomainError):
    def __init__(self, user: UUID | str) -> None:
        super().__init__(f"User {user} does not exist.")


class OrganizationNotFoundError(DomainError):
    def __init__(self, organization_id: UUID) -> None:
        super().__init__(f"Organization {organization_id} does not exist.")


class SlugTakenError(DomainError):
    def __init__(self, slug: str) -> None:
        super().__init__(f"The slug {slug} is taken.")
        self.slug = slug


class TooManyMembershipsError(DomainError):
    """Roles travel in the access token, which has to stay small."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A person can belong to at most {limit} organizations.")


class InvitationNotFoundError(DomainError):
    """The invitation is unknown, used, too old, or meant for another address."""

    def __init__(self) -> None:
        super().__init__("This invitation is not valid (any more), or it is not yours.")


class AlreadyMemberError(DomainError):
    def __init__(self) -> None:
        super().__init__("This person is a member already.")


class MemberNotFoundError(DomainError):
    def __init__(self) -> None:
        super().__init__("This person is not a member of the organization.")


class LastAdminError(DomainError):
    def __init__(self) -> None:
        super().__init__("An organization keeps at least one admin.")


class ApiClientNotFoundError(DomainError):
    def __init__(self, client_id: UUID) -> None:
        super().__init__(f"API client {client_id} does not exist.")


class InvalidClientError(DomainError):
    def __init__(self) -> None:
        super().__init__("The client id or its secret is wrong, or the client was revoked.")


class InvalidScopeError(DomainError):
    def __init__(self, scope: str) -> None:
        super().__init__(f"The scope {scope} is unknown, or this client was not given it.")
