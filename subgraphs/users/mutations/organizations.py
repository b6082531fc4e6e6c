from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from subgraphs.kernel import graphql
from subgraphs.users import models, types
from subgraphs.users.mutations.caller import services
from subgraphs.users.service import organizations, sessions


@strawberry.input
class CreateOrganizationInput:
    """A new organization."""

    name: str
    """What it is called, 1 to 100 characters."""
    slug: str
    """Its name in addresses: 3 to 60 lower-case letters, digits and single hyphens."""


@strawberry.type
class CreateOrganizationSuccess:
    """The organization exists; its founder is its admin."""

    organization: types.Organization
    """The organization."""
    access_token: str
    """Replaces the access token of this session: it has the new role."""
    expires_at: datetime
    """When the access token ends."""


CreateOrganizationResult = Annotated[
    CreateOrganizationSuccess
    | types.SlugTakenError
    | types.TooManyMembershipsError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError
    | graphql.InvalidInputError,
    strawberry.union("CreateOrganizationResult", description="What became of a foundation."),
]


@strawberry.input
class InviteMemberInput:
    """Whom to invite, and as what."""

    organization_id: UUID
    """The organization."""
    email: str
    """The e-mail address of the account that may accept."""
    role: models.Role
    """What they will be."""


@strawberry.type
class InviteMemberSuccess:
    """The invitation is open for seven days."""

    invitation: types.Invitation
    """The invitation."""
    token: str
    """For `acceptInvitation`; it is shown this once, pass it on."""


InviteMemberResult = Annotated[
    InviteMemberSuccess
    | types.OrganizationNotFoundError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError
    | graphql.InvalidInputError,
    strawberry.union("InviteMemberResult", description="What became of an invitation."),
]


@strawberry.input
class AcceptInvitationInput:
    """Which invitation to accept."""

    token: str
    """The token that the inviter passed on."""


@strawberry.type
class AcceptInvitationSuccess:
    """The viewer is a member now."""

    membership: types.Membership
    """The place in the organization."""
    access_token: str
    """Replaces the access token of this session: it has the new role."""
    expires_at: datetime
    """When the access token ends."""


AcceptInvitationResult = Annotated[
    AcceptInvitationSuccess
    | types.InvitationNotFoundError
    | types.AlreadyMemberError
    | types.TooManyMembershipsError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError,
    strawberry.union("AcceptInvitationResult", description="What became of an acceptance."),
]


@strawberry.input
class SetMemberRoleInput:
    """Whose role to change, and to what."""

    organization_id: UUID
    """The organization."""
    user_id: UUID
    """The member."""
    role: models.Role | None
    """What they will be; null ends the membership."""


@strawberry.type
class SetMemberRoleSuccess:
    """The role is as wanted; access tokens that name another one hold no longer."""

    user: types.User
    """The member, who may be one no more."""
    role: models.Role | None
    """What they are now."""


SetMemberRoleResult = Annotated[
    SetMemberRoleSuccess
    | types.OrganizationNotFoundError
    | types.MemberNotFoundError
    | types.LastAdminError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError,
    strawberry.union("SetMemberRoleResult", description="What became of a change of role."),
]


@strawberry.type
class OrganizationMutation:
    """Organizations, and who belongs to them."""

    @strawberry.mutation
    async def create_organization(
        self, info: types.Info, input: CreateOrganizationInput
    ) -> CreateOrganizationResult:
        """Found an organization, as its first admin."""
        mint = await sessions.mint(info.context.db, services(info))
        joined = await info.context.transact(
            organizations.create_organization,
            info.context.viewer,
            mint,
            name=input.name,
            slug=input.slug,
        )
        _take_role(info, joined.subject.id, models.Role.ADMIN)
        return CreateOrganizationSuccess(
            organization=types.Organization.from_row(joined.subject),
            access_token=joined.access_token.text,
            expires_at=joined.access_token.expires_at,
        )

    @strawberry.mutation
    async def invite_member(self, info: types.Info, input: InviteMemberInput) -> InviteMemberResult:
        """Invite whoever owns an e-mail address; for admins."""
        row, token = await info.context.transact(
            organizations.invite_member,
            info.context.viewer,
            organization_id=input.organization_id,
            email=input.email,
            role=input.role,
        )
        return InviteMemberSuccess(invitation=types.Invitation.from_row(row), token=token)

    @strawberry.mutation
    async def accept_invitation(
        self, info: types.Info, input: AcceptInvitationInput
    ) -> AcceptInvitationResult:
        """Accept an invitation to one's own e-mail address."""
        mint = await sessions.mint(info.context.db, services(info))
        joined = await info.context.transact(
            organizations.accept_invitation, info.context.viewer, mint, token=input.token
        )
        _take_role(info, joined.subject.organization_id, joined.subject.role)
        return AcceptInvitationSuccess(
            membership=types.Membership.from_row(joined.subject),
            access_token=joined.access_token.text,
            expires_at=joined.access_token.expires_at,
        )

    @strawberry.mutation
    async def set_member_role(
        self, info: types.Info, input: SetMemberRoleInput
    ) -> SetMemberRoleResult:
        """Change a member's role, or end the membership; for admins."""
        row = await info.context.transact(
            organizations.set_member_role,
            info.context.viewer,
            organization_id=input.organization_id,
            user_id=input.user_id,
            role=input.role,
        )
        return SetMemberRoleSuccess(user=types.User.from_row(row), role=input.role)


def _take_role(info: types.Info, organization_id: UUID, role: models.Role) -> None:
    """Let the rest of the operation see what the viewer's new role shows."""
    viewer = info.context.viewer
    roles = {**viewer.roles, organization_id: role}
    info.context.viewer = replace(viewer, roles=roles)
    info.context.forget_loaders()
