"""Access tokens: what they say, and of whom."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from subgraphs.kernel.auth import AUDIENCE
from subgraphs.kernel.auth.revocations import TOKEN_LIFETIME
from subgraphs.users.gateways.crypto import Signer
from subgraphs.users.models import ApiClient, Role, User


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed JWT, and when it ends."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Mint:
    """What is needed to make tokens in the middle of a transaction, without waiting for anything.

    That is where they are made: the transaction holds whom they speak for, so a revocation is
    either seen by it or dated after it.
    """

    signer: Signer
    issuer: str

    def for_person(
        self,
        user: User,
        roles: Mapping[UUID, Role],
        session_id: UUID,
        *,
        until: datetime | None = None,
    ) -> AccessToken:
        """Let a person act in their roles for a token's lifetime, but not beyond `until`."""
        claims: dict[str, Any] = {"sub": str(user.id), "sid": str(session_id), "roles": roles}
        if user.is_operator:
            claims["operator"] = True
        return self._token(claims, until=until)

    def for_client(self, client: ApiClient, scopes: Iterable[str]) -> AccessToken:
        """Let a program act as an admin of its organization, within its scopes."""
        roles = {client.organization_id: Role.ADMIN}
        return self._token({"sub": str(client.id), "roles": roles, "scope": " ".join(scopes)})

    def _token(self, claims: dict[str, Any], *, until: datetime | None = None) -> AccessToken:
        # Not whole seconds: a token issued right after a revocation must be told from one before.
        issued = time.time()
        expires = issued + TOKEN_LIFETIME
        if until is not None:
            expires = min(expires, until.timestamp())
        text = self.signer.sign(
            {
                **claims,
                "iss": self.issuer,
                "aud": AUDIENCE,
                "iat": issued,
                "exp": expires,
                "jti": str(uuid4()),
                "roles": {str(id): role.value for id, role in claims["roles"].items()},
            }
        )
        return AccessToken(text, datetime.fromtimestamp(expires, UTC))
