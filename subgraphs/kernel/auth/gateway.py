"""Proof that a call comes from a gateway, and that its identity headers are the gateway's.

The proof is `v1 <unix seconds> <hex>` with hex = sha256(K:sha256(K:seconds:correlation:client:
authorization)). Nesting the hash keeps it from being extended, with nothing that the script
language of a router lacks. It binds the identity, so it cannot be replayed with another one, and
it is old after a minute.
"""

import hmac
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256

HEADER = "x-polynode-gateway"
CLIENT_HEADER = "x-polynode-client"
CORRELATION_HEADER = "x-correlation-id"
MAX_AGE = 60
MAX_DIGITS = 12


def prove(key: str, seconds: int, *, correlation: str, client: str, authorization: str) -> str:
    """Make the header that a gateway holding `key` sends."""
    inner = _hash(f"{key}:{seconds}:{correlation}:{client}:{authorization}")
    return f"v1 {seconds} {_hash(f'{key}:{inner}')}"


def _hash(text: str) -> str:
    return sha256(_bytes(text)).hexdigest()


def _bytes(text: str) -> bytes:
    # JSON may hold half a character, which is no reason to fail.
    return text.encode(errors="surrogatepass")


class GatewayProofs:
    """Checks proofs; several keys hold while one is being rotated."""

    def __init__(self, keys: str) -> None:
        self._keys: Sequence[str] = [key.strip() for key in keys.split(",") if key.strip()]
        if not self._keys:
            raise ValueError("The gateway key is empty.")

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the headers (lower-case names) carry a fresh proof, in constant time."""
        version, _, rest = headers.get(HEADER, "").partition(" ")
        moment, _, _ = rest.partition(" ")
        if (
            version != "v1"
            or not moment.isascii()
            or not moment.isdigit()
            or len(moment) > MAX_DIGITS
        ):
            return False
        if abs(time.time() - int(moment)) > MAX_AGE:
            return False
        offered = _bytes(headers[HEADER])
        matches = [
            hmac.compare_digest(
                offered,
                prove(
                    key,
                    int(moment),
                    correlation=headers.get(CORRELATION_HEADER, ""),
                    client=headers.get(CLIENT_HEADER, ""),
                    authorization=headers.get("authorization", ""),
                ).encode(),
            )
            for key in self._keys
        ]
        return any(matches)
