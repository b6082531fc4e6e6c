"""People at the door of the schema, and what they ask for."""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import UUID

import jwt
from sqlalchemy import select
from strawberry.types import ExecutionResult

from subgraphs.kernel import graphql
from subgraphs.kernel.auth import ANONYMOUS, AUDIENCE, Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.tables import OUTBOX
from subgraphs.users.loaders import Loaders
from subgraphs.users.schema import schema
from subgraphs.users.service.administration import set_operator
from subgraphs.users.service.services import Services

ISSUER = "http://localhost:8000"
SECRET = "what the signing keys are encrypted with"
PASSWORD = "correct horse battery"
ERROR = "... on UserError { message code }"
REGISTER = f"""mutation ($input: RegisterInput!) {{ register(input: $input) {{ __typename
  ... on RegisterSuccess {{ user {{ id name email }} accessToken refreshToken expiresAt }}
  ... on WeakPasswordError {{ suggestions }} ... on InvalidInputError {{ field }} {ERROR} }} }}"""
LOGIN = f"""mutation ($input: LoginInput!) {{ login(input: $input) {{ __typename
  ... on LoginSuccess {{ user {{ id email }} accessToken refreshToken expiresAt }}
  ... on TooManyAttemptsError {{ retryAfter }} {ERROR} }} }}"""
CREATE_ORGANIZATION = f"""mutation ($input: CreateOrganizationInput!) {{
  createOrganization(input: $input) {{ __typename ... on CreateOrganizationSuccess {{
    organization {{ id name slug members {{ nodes {{ role user {{ name }} }} }} }} accessToken }}
    ... on InvalidInputError {{ field }} {ERROR} }} }}"""
INVITE = f"""mutation ($input: InviteMemberInput!) {{ inviteMember(input: $input) {{ __typename
  ... on InviteMemberSuccess {{ token invitation {{ id email role }} }} {ERROR} }} }}"""
ACCEPT = f"""mutation ($input: AcceptInvitationInput!) {{ acceptInvitation(input: $input) {{
  __typename ... on AcceptInvitationSuccess {{ membership {{ role organization {{ name }} }}
  accessToken }} {ERROR} }} }}"""

_numbers = count(1)


@dataclass(frozen=True)
class Person:
    """Someone who asks; every request of theirs has a context of its own, as behind the door."""

    db: Database
    bus: Bus
    services: Services
    viewer: Viewer = ANONYMOUS
    address: str = "192.0.2.1"
    email: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        assert self.viewer.user_id is not None
        return self.viewer.user_id

    @property
    def context(self) -> graphql.Context[Loaders]:
        return graphql.Context(
            self.db,
            self.bus,
            Loaders.build,
            viewer=self.viewer,
            client=self.address,
            services=self.services,
        )

    def at(self, address: str) -> "Person":
        return replace(self, address=address)

    async def execute(self, document: str, **variables: Any) -> ExecutionResult:
        result = await schema.execute(document, variables, context_value=self.context)
        assert isinstance(result, ExecutionResult)
        return result

    async def ask(self, document: str, **variables: Any) -> Any:
        """Run an operation that is expected to succeed; return its data."""
        result = await self.execute(document, **variables)
        assert result.errors is None, result.errors
        return result.data

    async def do(self, document: str, **input: Any) -> Any:
        """Run a mutation; return what its one field says."""
        data = await self.ask(document, **({"input": input} if input else {}))
        return next(iter(data.values()))

    async def register(self, name: str = "Ada", **changes: Any) -> "Person":
        """Register someone new, and be them."""
        email = f"{name.lower()}{next(_numbers)}@example.com"
        input = {"name": name, "email": email, "password": PASSWORD, **changes}
        return await self.become(await self.do(REGISTER, **input), input["email"])

    async def register_operator(self, name: str) -> "Person":
        person = await self.register(name)
        await self.db.transact(set_operator, person.email, is_operator=True)
        return await person.log_in()

    async def log_in(self, **changes: Any) -> "Person":
        """Log in once more, on another device."""
        answer = await self.do(LOGIN, **{"email": self.email, "password": PASSWORD, **changes})
        return await self.become(answer, self.email)

    async def become(self, tokens: dict[str, Any], email: str) -> "Person":
        assert "accessToken" in tokens, tokens
        viewer = await self.read(tokens["accessToken"])
        return replace(self, viewer=viewer, email=email, tokens=tokens)

    async def read(self, access_token: str) -> Viewer:
        """Verify a token as other subgraphs do, and see for whom it speaks."""
        claims = await self.claims(access_token)
        return Viewer(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]) if "sid" in claims else None,
            roles={UUID(id): role for id, role in claims["roles"].items()},
            scopes=frozenset(claims["scope"].split()) if "scope" in claims else None,
            is_operator=claims.get("operator") is True,
        )

    async def claims(self, access_token: str) -> dict[str, Any]:
        keys = jwt.PyJWKSet.from_dict(await self.services.keys.jwks(self.db))
        key = keys[jwt.get_unverified_header(access_token)["kid"]]
        claims: dict[str, Any] = jwt.decode(
            access_token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER
        )
        return claims

    async def found(self, slug: str = "analytical-engines") -> tuple["Person", str]:
        """Found an organization; return oneself as its admin, and its id."""
        made = await self.do(CREATE_ORGANIZATION, name="Analytical Engines", slug=slug)
        viewer = await self.read(made["accessToken"])
        return replace(self, viewer=viewer), made["organization"]["id"]

    async def invite(self, organization: str, other: "Person", role: str) -> "Person":
        """Have someone join; return them with their new role."""
        invited = await self.do(INVITE, organizationId=organization, email=other.email, role=role)
        joined = await other.do(ACCEPT, token=invited["token"])
        return replace(other, viewer=await other.read(joined["accessToken"]))


async def published(db: Database) -> list[str]:
    """The types of all events in the outbox, in their order."""
    async with db.read() as session:
        return list(await session.scalars(select(OUTBOX.c.type).order_by(OUTBOX.c.id)))
