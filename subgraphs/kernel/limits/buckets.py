"""Cost buckets: what a viewer, or an unknown caller's address, may spend a minute.

A request never waits for Valkey: a process adds up what its callers spend and settles every
`SETTLE_SECONDS` through the `limits` library, which holds the shared truth. Between two
settlements a caller can overdraw by what one process lets pass, never by more than the bucket.
"""

import asyncio
import time
from dataclasses import dataclass

import structlog
from graphql import GraphQLError
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter

logger = structlog.get_logger(__name__)

SETTLE_SECONDS = 0.25
CHECK_SECONDS = 1.0
FORGET_SECONDS = 120.0
THROTTLED = Counter("polynode_throttled", "Operations refused for an empty bucket.")


@dataclass(slots=True)
class Account:
    """What this process knows of one caller's bucket."""

    remaining: int
    unsettled: int = 0
    reset_at: float = 0.0
    checked_at: float = 0.0
    touched_at: float = 0.0


class CostBuckets:
    """The buckets of one process's callers; `settle` runs in the background."""

    def __init__(self, valkey_url: str, *, per_minute: int) -> None:
        storage = RedisStorage(f"async+{valkey_url}", implementation="redispy")
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._item = RateLimitItemPerMinute(per_minute, namespace="cost")
        self._accounts: dict[str, Account] = {}

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
            raise GraphQLError(
                "Too much was asked in the last minute. Wait a little.",
                extensions={
                    "code": "THROTTLED",
                    "cost": {
                        "requested": cost,
                        "maximum": self._item.amount,
                        "remaining": max(available, 0),
                        "resetAt": int(account.reset_at or now + 60),
                    },
                },
            )
        account.unsettled += cost

    async def settle(self) -> None:
        """Write what was spent to Valkey and learn what is left; during an outage, let it go."""
        await asyncio.sleep(SETTLE_SECONDS)
        now = time.time()
        for caller, account in list(self._accounts.items()):
            spent, account.unsettled = account.unsettled, 0
            refilling = account.remaining < self._item.amount
            if spent or (refilling and now >= account.checked_at + CHECK_SECONDS):
                await self._settle(caller, account, spent)
            elif now - account.touched_at > FORGET_SECONDS:
                del self._accounts[caller]

    async def _settle(self, caller: str, account: Account, spent: int) -> None:
        if spent and not await self._limiter.hit(self._item, caller, cost=spent):
            # More than was left got spent before anyone knew: the bucket is simply empty.
            left = (await self._limiter.get_window_stats(self._item, caller)).remaining
            if left:
                await self._limiter.hit(self._item, caller, cost=left)
        stats = await self._limiter.get_window_stats(self._item, caller)
        account.remaining, account.reset_at = stats.remaining, stats.reset_time
        account.checked_at = time.time()
