"""Who asks, and whether a gateway says so: tokens, proofs of gateways, revocations."""

from subgraphs.kernel.auth.anyone import Anyone, among, operates
from subgraphs.kernel.auth.gateway import GatewayProofs
from subgraphs.kernel.auth.revocations import Revocations, TokensRevoked
from subgraphs.kernel.auth.tokens import (
    AUDIENCE,
    InvalidTokenError,
    KeysUnavailableError,
    TokenVerifier,
)
from subgraphs.kernel.auth.viewer import ANONYMOUS, Viewer

__all__ = [
    "ANONYMOUS",
    "AUDIENCE",
    "Anyone",
    "GatewayProofs",
    "InvalidTokenError",
    "KeysUnavailableError",
    "Revocations",
    "TokenVerifier",
    "TokensRevoked",
    "Viewer",
    "among",
    "operates",
]
