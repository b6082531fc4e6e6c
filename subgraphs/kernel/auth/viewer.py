from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from subgraphs.kernel.errors import ForbiddenError, NotAuthenticatedError


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person (or the service account) asking, as a verified token says.

    `roles` maps an organization's id to the role held there. `scopes` limits a service account;
    a person has none and may do all that the roles allow.
    """

    user_id: UUID | None = None
    session_id: UUID | None = None
    roles: Mapping[UUID, str] = field(default_factory=dict)
    scopes: frozenset[str] | None = None
    is_operator: bool = False
    issued_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def is_authenticated(self) -> bool:
        return self.user_id is not None

    @property
    def person_id(self) -> UUID | None:
        """The person's id; a service account is nobody."""
        return self.user_id if self.scopes is None else None

    @property
    def organization_ids(self) -> frozenset[UUID]:
        """Every organization the viewer belongs to, in whatever role."""
        return frozenset(self.roles)

    def organizations_as(self, *roles: str) -> frozenset[UUID]:
        """The organizations in which the viewer holds one of `roles`."""
        return frozenset(id for id, role in self.roles.items() if role in roles)

    def has_role(self, organization_id: UUID, *roles: str) -> bool:
        """Tell whether the viewer holds one of `roles` there; operators hold them all."""
        return self.is_operator or self.roles.get(organization_id) in roles

    def may(self, scope: str) -> bool:
        """Tell whether a service account was given `scope`; people need none."""
        return self.scopes is None or scope in self.scopes

    def within(self, scope: str) -> "Viewer":
        """The viewer where `scope` is needed: a service account without it has no role there."""
        return self if self.may(scope) else replace(self, roles={}, is_operator=False)

    def require_user(self) -> UUID:
        """Return the viewer's id, or refuse someone who is not logged in."""
        if self.user_id is None:
            raise NotAuthenticatedError
        return self.user_id

    def require_person(self) -> UUID:
        """Return the viewer's id, or refuse someone unknown and every service account."""
        user_id = self.require_user()
        if self.scopes is not None:
            raise ForbiddenError("Only people may do this, not API clients.")
        return user_id

    def require_role(self, organization_id: UUID, roles: Collection[str]) -> UUID:
        """Return the viewer's id, or refuse someone who holds none of `roles` there."""
        user_id = self.require_user()
        if not self.has_role(organization_id, *roles):
            raise ForbiddenError
        return user_id

    def require_scope(self, scope: str) -> None:
        if not self.may(scope):
            raise ForbiddenError(f"This client lacks the scope {scope}.")


ANONYMOUS = Viewer()
