"""API clients: programs of an organization that log in with an id and a secret."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox
from subgraphs.kernel.auth import TokensRevoked, Viewer
from subgraphs.kernel.db import Database, new_id
from subgraphs.kernel.errors import InvalidInputError
from subgraphs.users.errors import InvalidClientError, InvalidScopeError
from subgraphs.users.gateways.crypto import fingerprint, new_token
from subgraphs.users.models import ApiClient
from subgraphs.users.repository import organizations as repository
from subgraphs.users.service import audit, texts
from subgraphs.users.service.access import lock_administered, require_admin
from subgraphs.users.service.services import Services
from subgraphs.users.service.sessions import mint
from subgraphs.users.service.tokens import AccessToken, Mint

SCOPES = (
    "courses:read",
    "courses:write",
    "learning:read",
    "learning:write",
    "users:read",
)
"""All that a program can be allowed; it never touches accounts, roles or other clients."""


async def create_api_client(
    session: AsyncSession,
    viewer: Viewer,
    *,
    organization_id: UUID,
    name: str,
    scopes: Sequence[str],
) -> tuple[ApiClient, str]:
    """Make a client; return it with its secret, which is shown this once and not kept.

    Raises:
        InvalidScopeError, InvalidInputError, OrganizationNotFoundError
    """
    require_admin(viewer, organization_id)
    if not scopes:
        raise InvalidInputError("scopes", "A client has at least one scope.")
    for scope in scopes:
        if scope not in SCOPES:
            raise InvalidScopeError(scope[:60])
    await lock_administered(session, viewer, organization_id)
    secret = new_token()
    row = ApiClient(
        id=new_id(),
        organization_id=organization_id,
        name=texts.line("name", name),
        secret_hash=fingerprint(secret),
        scopes=sorted(set(scopes)),
    )
    session.add(row)
    await audit.append(
        session,
        viewer,
        "api_client.created",
        organization_id=organization_id,
        subject_id=row.id,
        scopes=" ".join(row.scopes),
    )
    return row, secret


async def revoke_api_client(session: AsyncSession, viewer: Viewer, *, client_id: UUID) -> ApiClient:
    """End a client and its access tokens; saying so twice is harmless.

    Raises:
        ApiClientNotFoundError
    """
    viewer.require_user()
    row = await repository.lock_api_client(session, viewer, client_id)
    await lock_administered(session, viewer, row.organization_id)
    if row.revoked_at is None:
        row.revoked_at = datetime.now(UTC)
        revoked = TokensRevoked(user_id=row.id, issued_before=row.revoked_at)
        outbox.publish(session, revoked, of=row, tenant_id=row.organization_id)
        await audit.append(
            session,
            viewer,
            "api_client.revoked",
            organization_id=row.organization_id,
            subject_id=row.id,
        )
    return row


async def client_token(
    db: Database,
    services: Services,
    address: str,
    *,
    client_id: UUID,
    client_secret: str,
    scope: str | None,
) -> tuple[AccessToken, list[str]]:
    """Give a program an access token for all its scopes, or for those named in `scope`.

    Raises:
        InvalidClientError, InvalidScopeError, TooManyAttemptsError
    """
    attempt = await services.attempts.begin(
        "client", account=str(client_id), address=address, known=True
    )
    granted = await db.transact(_grant, await mint(db, services), client_id, client_secret, scope)
    await services.attempts.succeeded(attempt)
    return granted


async def _grant(
    session: AsyncSession, maker: Mint, client_id: UUID, client_secret: str, scope: str | None
) -> tuple[AccessToken, list[str]]:
    row = await repository.hold_api_client(session, client_id)
    if row is None or not hmac.compare_digest(row.secret_hash, fingerprint(client_secret)):
        raise InvalidClientError
    scopes = sorted(set(scope.split())) if scope else row.scopes
    for wanted in scopes:
        if wanted not in row.scopes:
            raise InvalidScopeError(wanted[:60])
    row.last_used_at = datetime.now(UTC)
    return maker.for_client(row, scopes), scopes
