from datetime import datetime
from typing import Annotated, cast

import strawberry

from subgraphs.kernel import graphql
from subgraphs.users import types
from subgraphs.users.mutations.caller import device, enter, services
from subgraphs.users.service import accounts


@strawberry.input
class RegisterInput:
    """A new account."""

    name: str
    """What the person wants to be called, 1 to 100 characters."""
    email: str
    """The e-mail address to log in with."""
    password: str
    """10 to 128 characters that are not easily guessed."""
    locale: str = "en"
    """A language tag, such as `en` or `pt-BR`."""
    time_zone: str = "UTC"
    """A name of the IANA time zone database, such as `Europe/Berlin`."""
    device: str | None = None
    """What to call this device in the list of sessions."""


@strawberry.type
class RegisterSuccess:
    """The account exists, and its owner is logged in."""

    user: types.User
    """The person."""
    access_token: str
    """For the `Authorization: Bearer` header of the next ten minutes."""
    refresh_token: str
    """For `refreshSession`, once; it is as good as a password."""
    expires_at: datetime
    """When the access token ends."""


RegisterResult = Annotated[
    RegisterSuccess
    | types.EmailTakenError
    | types.WeakPasswordError
    | types.TooManyAttemptsError
    | graphql.InvalidInputError,
    strawberry.union("RegisterResult", description="What became of a registration."),
]


@strawberry.input
class LoginInput:
    """Who logs in."""

    email: str
    """The e-mail address of the account."""
    password: str
    """Its password."""
    device: str | None = None
    """What to call this device in the list of sessions."""


@strawberry.type
class LoginSuccess:
    """The person is logged in."""

    user: types.User
    """The person."""
    access_token: str
    """For the `Authorization: Bearer` header of the next ten minutes."""
    refresh_token: str
    """For `refreshSession`, once; it is as good as a password."""
    expires_at: datetime
    """When the access token ends."""


LoginResult = Annotated[
    LoginSuccess
    | types.InvalidCredentialsError
    | types.TooManyAttemptsError
    | graphql.InvalidInputError,
    strawberry.union("LoginResult", description="What became of a login."),
]


@strawberry.input
class UpdateProfileInput:
    """What to change; fields that are left out stay as they are."""

    name: str | None = strawberry.UNSET
    """What the person wants to be called, 1 to 100 characters."""
    avatar_url: str | None = strawberry.UNSET
    """An https address of a picture; null takes it away."""
    bio: str | None = strawberry.UNSET
    """At most 2,000 characters of plain text; null takes it away."""
    locale: str | None = strawberry.UNSET
    """A language tag, such as `en` or `pt-BR`."""
    time_zone: str | None = strawberry.UNSET
    """A name of the IANA time zone database."""


@strawberry.type
class UpdateProfileSuccess:
    """The profile is as wanted."""

    user: types.User
    """The person."""


UpdateProfileResult = Annotated[
    UpdateProfileSuccess
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError
    | graphql.InvalidInputError,
    strawberry.union("UpdateProfileResult", description="What became of a change of profile."),
]


@strawberry.input
class ChangePasswordInput:
    """The old password and the new one."""

    current_password: str
    """The password as it is."""
    new_password: str
    """10 to 128 characters that are not easily guessed."""


@strawberry.type
class ChangePasswordSuccess:
    """The password is changed, and all other sessions have ended."""

    user: types.User
    """The person."""


ChangePasswordResult = Annotated[
    ChangePasswordSuccess
    | types.WrongPasswordError
    | types.WeakPasswordError
    | types.TooManyAttemptsError
    | graphql.NotAuthenticatedError
    | graphql.ForbiddenError,
    strawberry.union("ChangePasswordResult", description="What became of a change of password."),
]


@strawberry.type
class AccountMutation:
    """Accounts: coming in, and what people say about themselves."""

    @strawberry.mutation
    async def register(self, info: types.Info, input: RegisterInput) -> RegisterResult:
        """Make an account, and log it in."""
        login = await accounts.register(
            info.context.db,
            services(info),
            device(info, input.device),
            name=input.name,
            email=input.email,
            password=input.password,
            locale=input.locale,
            time_zone=input.time_zone,
        )
        return RegisterSuccess(
            user=enter(info, login),
            access_token=login.access_token.text,
            refresh_token=login.refresh_token,
            expires_at=login.access_token.expires_at,
        )

    @strawberry.mutation
    async def login(self, info: types.Info, input: LoginInput) -> LoginResult:
        """Log in; whatever is wrong, the answer is the same and takes as long."""
        login = await accounts.login(
            info.context.db,
            services(info),
            device(info, input.device),
            email=input.email,
            password=input.password,
        )
        return LoginSuccess(
            user=enter(info, login),
            access_token=login.access_token.text,
            refresh_token=login.refresh_token,
            expires_at=login.access_token.expires_at,
        )

    @strawberry.mutation
    async def update_profile(
        self, info: types.Info, input: UpdateProfileInput
    ) -> UpdateProfileResult:
        """Change one's own profile."""
        given = {
            name: value for name, value in vars(input).items() if value is not strawberry.UNSET
        }
        row = await info.context.transact(
            accounts.update_profile,
            info.context.viewer,
            changes=cast(accounts.ProfileChanges, given),
        )
        return UpdateProfileSuccess(user=types.User.from_row(row))

    @strawberry.mutation
    async def change_password(
        self, info: types.Info, input: ChangePasswordInput
    ) -> ChangePasswordResult:
        """Change one's own password; this session goes on, all others end."""
        row = await accounts.change_password(
            info.context.db,
            services(info),
            info.context.viewer,
            device(info),
            current_password=input.current_password,
            new_password=input.new_password,
        )
        return ChangePasswordSuccess(user=types.User.from_row(row))
