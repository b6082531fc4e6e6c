"""Back-off after failed attempts, counted in Valkey for all processes.

Three buckets are asked: that of the account at this address, that of the address, and that of the
account as a whole. (An address is an IPv6 site, too: whoever has one address of it has them all.)
Each lets some attempts pass freely; after that one attempt passes a pause, and
the pauses double up to `MAX_PAUSE`. Nobody is locked out for good. Where the account has logged in
from the address before, only their common bucket counts: what others do to the account, or from
behind the same school's address, does not keep its owner out.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import structlog
from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from subgraphs.kernel.limits.networks import network_of
from subgraphs.users.errors import TooManyAttemptsError

logger = structlog.get_logger(__name__)

MAX_PAUSE = 900
"""Seconds; the longest that anybody ever waits."""

MEMORY = 3_600
"""Seconds after the first failure in which a bucket forgets them all."""

FREE_PAIR = 5
FREE_ADDRESS = 100
FREE_ACCOUNT = 100


@dataclass(frozen=True, slots=True)
class Bucket:
    """Attempts that are counted together; `free` of them need no pause."""

    key: str
    free: int

    @property
    def count(self) -> str:
        return f"attempts:{self.key}"

    @property
    def pause(self) -> str:
        return f"pause:{self.key}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt under way; it counts as failed until `Attempts.succeeded` is told otherwise."""

    buckets: Sequence[Bucket]


class Attempts:
    """The attempts of all processes. While Valkey is away, argon2's queue is the limit."""

    def __init__(self, valkey_url: str) -> None:
        self._pool = ConnectionPool.from_url(valkey_url, socket_timeout=2, socket_connect_timeout=2)
        self._storage = RedisStorage(
            f"async+{valkey_url}",
            implementation="redispy",
            wrap_exceptions=True,
            connection_pool=self._pool,  # type: ignore[arg-type]
        )

    async def close(self) -> None:
        await self._pool.aclose()

    async def begin(self, what: str, *, account: str, address: str, known: bool) -> Attempt:
        """Count an attempt before it is made, so that many at once cannot all slip through.

        Raises:
            TooManyAttemptsError: A bucket is pausing.
        """
        address = network_of(address)
        account = sha256(account.encode()).hexdigest()[:32]  # no addresses of people in Valkey
        buckets = [Bucket(f"{what}:{account}:{address}", FREE_PAIR)]
        if not known:
            buckets.append(Bucket(f"{what}:address:{address}", FREE_ADDRESS))
            buckets.append(Bucket(f"{what}:account:{account}", FREE_ACCOUNT))
        try:
            waits = await asyncio.gather(*(self._left(bucket) for bucket in buckets))
            if max(waits) <= 0:
                waits = await asyncio.gather(*(self._take(bucket) for bucket in buckets))
        except StorageError as error:
            logger.warning("Attempts cannot be counted", error=repr(error)[:200])
            return Attempt(())
        if max(waits) > 0:
            raise TooManyAttemptsError(math.ceil(max(waits)))
        return Attempt(buckets)

    async def succeeded(self, attempt: Attempt) -> None:
        """Forget the failures of this account at this address, and count nothing for the rest."""
        if not attempt.buckets:
            return
        pair, *shared = attempt.buckets
        try:
            await asyncio.gather(
                self._storage.clear(pair.count),
                self._storage.clear(pair.pause),
                # Not cleared: a login of the attacker's own would give his address a fresh start.
                *(self._storage.incr(bucket.count, MEMORY, -1) for bucket in shared),
            )
        except StorageError as error:
            logger.warning("Attempts cannot be counted", error=repr(error)[:200])

    async def withdraw(self, attempt: Attempt) -> None:
        """Count an attempt as never made: nobody has looked at its password."""
        try:
            await asyncio.gather(
                *(self._storage.incr(bucket.count, MEMORY, -1) for bucket in attempt.buckets)
            )
        except StorageError as error:
            logger.warning("Attempts cannot be counted", error=repr(error)[:200])

    async def _left(self, bucket: Bucket) -> float:
        """Seconds that this bucket still pauses."""
        return await self._storage.get_expiry(bucket.pause) - time.time()

    async def _take(self, bucket: Bucket) -> float:
        """Count an attempt; return how long to wait when another one has taken the turn."""
        beyond = await self._storage.incr(bucket.count, MEMORY) - bucket.free
        if beyond <= 0:
            return 0.0
        pause = min(2 ** min(beyond - 1, 30), MAX_PAUSE)
        if await self._storage.incr(bucket.pause, pause) == 1:
            return 0.0
        return max(await self._left(bucket), 1.0)
