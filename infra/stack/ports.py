"""Which port is whose: the ones of the last start when they are free, others when not."""

import random
import socket
from collections.abc import Iterable, Mapping

from infra.terminal import Failure

# Below the range from which the kernel serves outgoing connections, so that none takes ours.
INTERNAL = range(18_000, 32_000)
PUBLIC_TRIES = 100


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def public(wanted: int, host: str) -> int:
    """The wanted port, or the next free one above it; any free one for 0."""
    if wanted == 0:
        return internal(["public"], {})["public"]
    for port in range(wanted, wanted + PUBLIC_TRIES):
        if is_free(port, host):
            return port
    raise Failure(f"No free port between {wanted} and {wanted + PUBLIC_TRIES - 1} on {host}.")


def internal(names: Iterable[str], before: Mapping[str, int]) -> dict[str, int]:
    """A loopback port a name, stable over starts."""
    ports: dict[str, int] = {}
    for name in names:
        port = before.get(name, 0)
        while not port or port in ports.values() or not is_free(port):
            port = random.choice(INTERNAL)  # noqa: S311, no secret
        ports[name] = port
    return ports


def has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
