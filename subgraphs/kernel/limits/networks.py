"""Whom a limit takes for one caller when all that is known is an address."""

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network

SITE_PREFIX = 64
"""Bits of an IPv6 address that a provider hands out; the rest are its holder's to choose."""

CACHED_ADDRESSES = 10_000


@lru_cache(CACHED_ADDRESSES)
def network_of(address: str) -> str:
    """Cut an IPv6 address to its /64, of which any host has every address; keep all else.

    Only for counting: what is shown and audited is the whole address.
    """
    try:
        found = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    mapped: IPv4Address | None = found.ipv4_mapped
    return str(mapped or IPv6Network((found, SITE_PREFIX), strict=False))
