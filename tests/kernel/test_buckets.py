"""Cost buckets: what a caller may spend a minute, whichever process answers."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from graphql import GraphQLError
from redis import Redis
from redis.exceptions import RedisError

from subgraphs.kernel.limits import buckets as module
from subgraphs.kernel.limits.buckets import CostBuckets

PER_MINUTE = 100
ADA, BOB = "user:ada", "user:bob"
SCHOOL, HOME = "192.0.2.1", "198.51.100.1"


@pytest.fixture(autouse=True)
def _at_once(valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle without the pause between two settlements, on an empty server."""
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.0)
    with Redis.from_url(valkey) as client:
        client.flushall()


@pytest.fixture
async def buckets(valkey: str) -> AsyncIterator[CostBuckets]:
    async with aclosing(CostBuckets(valkey, per_minute=PER_MINUTE)) as opened:
        yield opened


@pytest.fixture
async def other(valkey: str) -> AsyncIterator[CostBuckets]:
    """Those of another process."""
    async with aclosing(CostBuckets(valkey, per_minute=PER_MINUTE)) as opened:
        yield opened


def refusal(buckets: CostBuckets, caller: str, cost: int, network: str = "") -> dict[str, Any]:
    with pytest.raises(GraphQLError) as refused:
        buckets.spend(caller, cost, network)
    assert isinstance(refused.value.extensions, dict)
    return refused.value.extensions


async def test_a_bucket_drains_and_says_what_is_left(buckets: CostBuckets) -> None:
    buckets.spend(ADA, 90)

    extensions = refusal(buckets, ADA, 11)
    buckets.spend(ADA, 10)

    reset = extensions["cost"].pop("resetAt")
    assert extensions == {
        "code": "THROTTLED",
        "cost": {"requested": 11, "maximum": PER_MINUTE, "remaining": 10},
    }
    assert 55 < reset - time.time() <= 61
    assert refusal(buckets, ADA, 1)["cost"]["remaining"] == 0


async def test_the_viewers_of_an_address_share_a_bucket_of_twenty(buckets: CostBuckets) -> None:
    for number in range(20):
        buckets.spend(f"user:{number}", 99, SCHOOL)
    buckets.spend(ADA, 19, SCHOOL)

    extensions = refusal(buckets, BOB, 2, SCHOOL)

    extensions["cost"].pop("resetAt")
    assert extensions == {
        "code": "THROTTLED",
        "cost": {"requested": 2, "maximum": 20 * PER_MINUTE, "remaining": 1},
    }
    buckets.spend(BOB, PER_MINUTE, HOME)  # the refusal has taken nothing of his own


async def test_the_answer_tells_which_bucket_is_empty(buckets: CostBuckets) -> None:
    with pytest.raises(GraphQLError) as own:
        buckets.spend(ADA, PER_MINUTE + 1, SCHOOL)
    for number in range(20):
        buckets.spend(f"user:{number}", PER_MINUTE, SCHOOL)  # nothing was taken from the school's
    with pytest.raises(GraphQLError) as common:
        buckets.spend(ADA, 1, SCHOOL)

    assert own.value.message == "Too much was asked in the last minute. Wait a little."
    assert common.value.message == (
        "Too much was asked from your address in the last minute. Wait a little."
    )


async def test_processes_share_the_truth_about_an_address(
    buckets: CostBuckets, other: CostBuckets
) -> None:
    for number in range(20):
        buckets.spend(f"user:{number}", PER_MINUTE, SCHOOL)
    other.spend(ADA, 1, SCHOOL)
    for process in (buckets, other):
        await process.settle()
    other.spend(ADA, 1, HOME)

    assert refusal(other, ADA, 1, SCHOOL)["cost"]["remaining"] == 0


async def test_a_bucket_stays_empty_after_settling(buckets: CostBuckets) -> None:
    buckets.spend(ADA, PER_MINUTE)
    await buckets.settle()
    assert refusal(buckets, ADA, 1)["cost"]["remaining"] == 0
    buckets.spend("user:bob", PER_MINUTE)


async def test_a_bucket_fills_again_when_its_minute_is_over(
    buckets: CostBuckets, valkey: str
) -> None:
    buckets.spend(ADA, PER_MINUTE)
    await buckets.settle()
    refusal(buckets, ADA, 1)
    with Redis.from_url(valkey) as client:
        keys = client.keys("*")
        assert 0 < min(client.pttl(key) for key in keys) <= 120_000
        client.delete(*keys)  # the minute, and the one after it, are over

    await buckets.settle()

    buckets.spend(ADA, PER_MINUTE)


async def test_two_processes_share_the_truth(buckets: CostBuckets, other: CostBuckets) -> None:
    buckets.spend(ADA, 60)
    await buckets.settle()
    other.spend(ADA, 30)
    await other.settle()
    await buckets.settle()

    assert refusal(buckets, ADA, 11)["cost"]["remaining"] == 10


async def test_a_process_that_saw_little_learns_with_its_next_request(
    buckets: CostBuckets, other: CostBuckets
) -> None:
    other.spend(ADA, 5)
    buckets.spend(ADA, 95)
    for process in (buckets, other):
        await process.settle()
    other.spend(ADA, 5)
    await other.settle()

    assert refusal(other, ADA, 1)["cost"]["remaining"] == 0


async def test_what_was_overdrawn_between_two_settlements_empties_the_bucket(
    buckets: CostBuckets, other: CostBuckets
) -> None:
    buckets.spend(ADA, 80)
    other.spend(ADA, 80)
    for process in (buckets, other, buckets):
        await process.settle()

    assert refusal(buckets, ADA, 1)["cost"]["remaining"] == 0
    assert refusal(other, ADA, 1)["cost"]["remaining"] == 0


async def test_a_bucket_that_is_far_from_empty_costs_one_command(
    buckets: CostBuckets, valkey: str
) -> None:
    buckets.spend(ADA, 10)
    await buckets.settle()
    with Redis.from_url(valkey) as client:
        before = client.info("commandstats")
        await buckets.settle()
        buckets.spend(ADA, 10)
        await buckets.settle()
        after = client.info("commandstats")
    assert _calls(after) - _calls(before) == 1


def _calls(stats: dict[str, Any]) -> int:
    return sum(
        stat["calls"] for name, stat in stats.items() if name in ("cmdstat_evalsha", "cmdstat_eval")
    )


async def test_without_valkey_callers_are_let_in() -> None:
    nowhere = CostBuckets("redis://127.0.0.1:1/0", per_minute=PER_MINUTE)
    async with aclosing(nowhere) as buckets:
        buckets.spend(ADA, PER_MINUTE)
        refusal(buckets, ADA, 1)  # each process still counts for itself

        with pytest.raises(RedisError, match="connecting"):
            await buckets.settle()

        buckets.spend(ADA, PER_MINUTE)


async def test_callers_who_are_gone_are_forgotten(
    buckets: CostBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    buckets.spend(ADA, 1)
    await buckets.settle()
    later = time.time() + module.FORGET_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    await buckets.settle()
    assert buckets.__dict__["_accounts"] == {}
