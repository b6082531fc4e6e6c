"""The shelf's app as a gateway sees it."""

import time

from subgraphs.kernel.auth import gateway

KEY = "the gateways' key"


def proven(
    *,
    key: str = KEY,
    seconds: int | None = None,
    correlation: str = "",
    client: str = "",
    authorization: str = "",
) -> dict[str, str]:
    """Make the headers that a gateway adds, its proof among them."""
    bound = {"correlation": correlation, "client": client, "authorization": authorization}
    moment = int(time.time()) if seconds is None else seconds
    named = {
        gateway.CORRELATION_HEADER: correlation,
        gateway.CLIENT_HEADER: client,
        "authorization": authorization,
    }
    sent = {name: value for name, value in named.items() if value}
    return sent | {gateway.HEADER: gateway.prove(key, moment, **bound)}
