"""Keys: the one that signs access tokens, and what one secret of the environment protects."""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.utils import base64url_encode

from subgraphs.kernel.auth.tokens import ALGORITHM, TOKEN_TYPE

TOKEN_BYTES = 32
NONCE_BYTES = 12


def new_token() -> str:
    """Make an opaque token of 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def fingerprint(token: str) -> bytes:
    """SHA-256: all that is kept of a token. 256 random bits need no slow hash."""
    return sha256(token.encode("utf-8", "replace")).digest()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs access tokens with one key."""

    kid: str
    key: Ed25519PrivateKey

    def sign(self, claims: dict[str, Any]) -> str:
        headers = {"kid": self.kid, "typ": TOKEN_TYPE}
        return jwt.encode(claims, self.key, algorithm=ALGORITHM, headers=headers)


class Vault:
    """What `USERS_KEY_SECRET` is used for: a key of its own for each purpose."""

    def __init__(self, secret: str) -> None:
        self._signing_keys = AESGCM(_derive(secret, b"signing keys"))
        self._refresh_tokens = _derive(secret, b"refresh tokens")

    def new_key(self, kid: UUID) -> tuple[bytes, bytes]:
        """Make an Ed25519 key; return its private part, encrypted, and its public part."""
        key = Ed25519PrivateKey.generate()
        nonce = secrets.token_bytes(NONCE_BYTES)
        # Bound to its id, so that rows cannot be swapped.
        locked = self._signing_keys.encrypt(nonce, key.private_bytes_raw(), kid.bytes)
        return nonce + locked, key.public_key().public_bytes_raw()

    def signer(self, kid: UUID, private_key: bytes) -> Signer:
        """Open a stored key.

        Raises:
            InvalidTag: The secret is not the one that it was encrypted with.
        """
        nonce, locked = private_key[:NONCE_BYTES], private_key[NONCE_BYTES:]
        opened = self._signing_keys.decrypt(nonce, locked, kid.bytes)
        return Signer(str(kid), Ed25519PrivateKey.from_private_bytes(opened))

    def successor(self, token: str, session_id: UUID) -> str:
        """Derive the refresh token that follows `token`.

        It is the same each time, so that two tabs that refresh at once get the same one although
        only its hash is kept; without the secret it cannot be told from random bits.
        """
        digest = hmac.digest(self._refresh_tokens, token.encode() + session_id.bytes, "sha256")
        return base64url_encode(digest).decode()


def public_jwk(kid: UUID, public_key: bytes) -> dict[str, str]:
    """Describe a public key as RFC 8037 says."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": ALGORITHM,
        "kid": str(kid),
        "x": base64url_encode(public_key).decode(),
    }


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), TOKEN_BYTES, salt=None, info=b"polynode " + purpose).derive(
        secret.encode()
    )
