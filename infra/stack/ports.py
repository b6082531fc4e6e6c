"""Which port is whose: the ones of the last start when they are free, others when not."""

import random
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from infra.terminal import Failure

# Below the range from which the kernel serves outgoing connections, so that none takes ours.
INTERNAL = range(18_000, 32_000)
PUBLIC_TRIES = 100
LOOPBACK = ("127.0.0.1", "localhost")  # not ::1, which not every system calls localhost
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104, to know them again
Address = tuple[socket.AddressFamily, str]


def is_free(port: int, host: str = "127.0.0.1", family: int = socket.AF_INET) -> bool:
    """Does nobody listen here, or hold it? What is left of ended connections does not count."""
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


@contextmanager
def public(wanted: int, host: str) -> Iterator[int]:
    """Hold the wanted port, or the next free one above it; any free one for 0.

    Held means: no other stack takes it, also while our edge is starting or down.
    """
    candidates: Iterable[int] = range(wanted, wanted + PUBLIC_TRIES)
    if wanted == 0:
        candidates = random.sample(INTERNAL, PUBLIC_TRIES)
    places = addresses(host)
    for port in candidates:
        with ExitStack() as held:
            if all(_hold(held, place, port) for place in places):
                yield port
                return
    last = f" between {wanted} and {wanted + PUBLIC_TRIES - 1}" if wanted else ""
    raise Failure(f"No free port{last} on {host}.")


def addresses(host: str) -> list[Address]:
    """Where the edge listens for `--host`: on both loopback addresses where one is asked for."""
    if host == "127.0.0.1" and has_ipv6_loopback():
        return [(socket.AF_INET, host), (socket.AF_INET6, "::1")]
    if host in WILDCARDS and has_ipv6_loopback():
        return [(socket.AF_INET6, "::")]  # Go, too, takes either wildcard for both families
    try:
        family, *_, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise Failure(f"Cannot listen on {host}: {error.strerror}.") from error
    return [(family, str(address[0]))]


def _hold(held: ExitStack, place: Address, port: int) -> bool:
    """Bind without listening: nobody else can bind, except the edge, by SO_REUSEPORT like us."""
    family, address = place
    holder = held.enter_context(socket.socket(family))
    if family == socket.AF_INET6:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address != "::"))
    try:
        holder.bind((address, port))  # without the option: of two at once only one succeeds
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        if not is_free(port, address, family):
            return False
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # our edge's old connections
        try:
            holder.bind((address, port))
        except OSError:
            return False
    return True


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
