"""Cost buckets: what a caller, and all callers of a network together, may spend a minute.

A caller is a viewer, or whoever is unknown in a network: an address, or an IPv6 site. The bucket
of a network is as large as those of `SHARED_BY` callers, since a whole house may have one address.

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

SHARED_BY = 20
SETTLE_SECONDS = 0.25
CHECK_SECONDS = 1.0
FORGET_SECONDS = 120.0
TIMEOUT = 2.0
THROTTLED = Counter("polynode_throttled", "Operations refused for an empty bucket.")


@dataclass(slots=True)
class Account:
    """What this process knows of one bucket."""

    item: RateLimitItemPerMinute
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
        self._own = RateLimitItemPerMinute(per_minute, namespace="cost")
        self._common = RateLimitItemPerMinute(SHARED_BY * per_minute, namespace="cost")
        self._accounts: dict[str, Account] = {}

    async def aclose(self) -> None:
        await self._pool.aclose()

    def spend(self, caller: str, cost: int, network: str = "") -> None:
        """Take `cost` from the bucket of `caller` and from that of the network, if it is known.

        Raises:
            GraphQLError: THROTTLED, with the `extensions.cost` of the bucket that is empty. Nothing
                was taken from the other one.
        """
        now = time.time()
        own = self._account(caller, self._own, now)
        if cost > own.remaining - own.unsettled:
            raise _refusal(own, cost, now, "Too much was asked in the last minute.")
        if network:
            common = self._account(f"address:{network}", self._common, now)
            if cost > common.remaining - common.unsettled:
                message = "Too much was asked from your address in the last minute."
                raise _refusal(common, cost, now, message)
            common.unsettled += cost
        own.unsettled += cost

    def _account(self, key: str, item: RateLimitItemPerMinute, now: float) -> Account:
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = Account(item, remaining=item.amount)
        account.touched_at = now
        return account

    async def settle(self) -> None:
        """Write what was spent to Valkey and learn what is left; during an outage, let it go."""
        await asyncio.sleep(SETTLE_SECONDS)
        try:
            for key, account in list(self._accounts.items()):
                await self._settle(key, account)
        except (RedisError, OSError):
            self._accounts.clear()
            raise

    async def _settle(self, key: str, account: Account) -> None:
        now, item = time.time(), account.item
        spent, account.unsettled = account.unsettled, 0
        account.remaining -= spent
        if spent and not await self._limiter.hit(item, key, cost=spent):
            # More than was left got spent before anyone knew: the bucket is simply empty.
            if left := (await self._limiter.get_window_stats(item, key)).remaining:
                await self._limiter.hit(item, key, cost=left)
            account.refused = True
        low = account.refused or account.remaining < item.amount // 2
        if low and (spent or now >= account.checked_at + CHECK_SECONDS):
            stats = await self._limiter.get_window_stats(item, key)
            account.remaining, account.reset_at = stats.remaining, stats.reset_time
            account.checked_at, account.refused = now, False
        elif now - account.touched_at > FORGET_SECONDS:
            self._accounts.pop(key, None)


def _refusal(account: Account, cost: int, now: float, message: str) -> GraphQLError:
    THROTTLED.inc()
    account.refused = True
    return GraphQLError(
        f"{message} Wait a little.",
        extensions={
            "code": "THROTTLED",
            "cost": {
                "requested": cost,
                "maximum": account.item.amount,
                "remaining": max(account.remaining - account.unsettled, 0),
                "resetAt": ceil(account.reset_at or now + 60),
            },
        },
    )
