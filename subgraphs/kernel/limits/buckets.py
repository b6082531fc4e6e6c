"""Cost buckets: what a viewer, or an unknown caller's address, may spend a minute.

A request never waits for Valkey: a process adds up what its callers spend and settles every
`SETTLE_SECONDS` through the `limits` library, which holds the shared truth. Between two
settlements a caller can overdraw by what one process lets pass, never by more than the bucket.
Only a bucket that runs low is looked at: until then it suffices to tell Valkey what was spent.
Without Valkey each process counts for itself, and forgets.
"""

import asyncio
import time
from dataclasses import dataclass
from math import ceil

import structlog
from graphql import GraphQLError
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

logger = structlog.get_logger(__name__)

SETTLE_SECONDS = 0.25
CHECK_SECONDS = 1.0
FORGET_SECONDS = 120.0
TIMEOUT = 2.0
THROTTLED = Counter("polynode_throttled", "Operations refused for an empty bucket.")


@dataclass(slots=True)
class Account:
    """What this process knows of one caller's bucket."""

    remaining: int
    unsettled: int = 0
    refused: bool = False
    reset_at: float = 0.0
    checked_at: float = 0.0
    touched_at: float = 0.0


class CostBuckets:
    """The buckets of one process's callers; `settle` runs in the background."""

    def __init__(self, valkey_url: str, *, per_minute: int) -> None:
        # The library never closes a pool, so this one is ours.
        self._pool = ConnectionPool.from_url(
            valkey_url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        )
        storage = RedisStorage(
            f"async+{valkey_url}",
            implementation="redispy",
            connection_pool=self._pool,  # type: ignore[arg-type]
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._item = RateLimitItemPerMinute(per_minute, namespace="cost")
        self._accounts: dict[str, Account] = {}

    async def aclose(self) -> None:
        await self._pool.aclose()

    def spend(self, caller: str, cost: int) -> None:
        """Take `cost` from the bucket of `caller`.

        Raises:
            GraphQLError: THROTTLED, with `extensions.cost`, when the bucket is empty.
        """
        account = self._accounts.get(caller)
        if account is None:
            account = self._accounts[caller] = Account(remaining=self._item.amount)
        now = time.time()
        account.touched_at = now
        available = account.remaining - account.unsettled
        if cost > available:
            THROTTLED.inc()
            account.refused = True
            raise GraphQLError(
                "Too much was asked in the last minute. Wait a little.",
                extensions={
                    "code": "THROTTLED",
                    "cost": {
                        "requested": cost,
                        "maximum": self._item.amount,
                        "remaining": max(available, 0),
                        "resetAt": ceil(account.reset_at or now + 60),
                    },
                },
            )
        account.unsettled += cost

    async def settle(self) -> None:
        """Write what was spent to Valkey and learn what is left; during an outage, let it go."""
        await asyncio.sleep(SETTLE_SECONDS)
        try:
            for caller, account in list(self._accounts.items()):
                await self._settle(caller, account)
        except (RedisError, OSError):
            self._accounts.clear()
            raise

    async def _settle(self, caller: str, account: Account) -> None:
        now = time.time()
        spent, account.unsettled = account.unsettled, 0
        account.remaining -= spent
        if spent and not await self._limiter.hit(self._item, caller, cost=spent):
            # More than was left got spent before anyone knew: the bucket is simply empty.
            if left := (await self._limiter.get_window_stats(self._item, caller)).remaining:
                await self._limiter.hit(self._item, caller, cost=left)
            account.refused = True
        low = account.refused or account.remaining < self._item.amount // 2
        if low and (spent or now >= account.checked_at + CHECK_SECONDS):
            stats = await self._limiter.get_window_stats(self._item, caller)
            account.remaining, account.reset_at = stats.remaining, stats.reset_time
            account.checked_at, account.refused = now, False
        elif now - account.touched_at > FORGET_SECONDS:
            self._accounts.pop(caller, None)
