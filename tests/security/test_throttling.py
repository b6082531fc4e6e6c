"""One bucket a caller: forged addresses open no second one, and an empty one fills again."""

from collections.abc import Iterator

import pytest
from redis import Redis

from infra.stack import Stack
from tests.security.conftest import COST_PER_MINUTE
from tests.support.api import Api, eventually
from tests.support.campus import Campus
from tests.support.intruder import campus_from

DEAR = "{ courses(first: 100) { nodes { category { name } organization { id } } } }"
PRICE = 301
"""One for the request and a hundred times three for its nodes."""


@pytest.fixture
def valkey(strict: Stack) -> Iterator["Redis"]:
    with Redis.from_url(strict.valkey_url) as client:
        yield client


async def drain(caller: Api, *, times: int, forge: bool = False) -> list[str]:
    """Ask for more than there is; returns what became of each request."""
    outcomes = []
    for number in range(times):
        forged = {
            "x-forwarded-for": f"198.51.100.{number}",
            "x-polynode-client": f"203.0.113.{number}",
            "x-real-ip": f"192.0.2.{number}",
        }
        answer = (await caller.post({"query": DEAR}, **(forged if forge else {}))).json()
        errors = answer.get("errors", [])
        outcomes.append(errors[0]["extensions"]["code"] if errors else "answered")
    return outcomes


async def test_a_hundred_forged_addresses_share_one_bucket(strict: Stack) -> None:
    async with campus_from(strict, "127.0.0.77") as campus:
        outcomes = await drain(campus.visitor(), times=100, forge=True)
    async with campus_from(strict, "127.0.0.78") as other:
        elsewhere = await drain(other.visitor(), times=1)

    assert set(outcomes) == {"answered", "THROTTLED"}
    # A minute that ends meanwhile gives a little back.
    assert outcomes.count("answered") <= 2 * COST_PER_MINUTE // PRICE
    assert outcomes[0] == "answered"
    assert elsewhere == ["answered"]


async def test_a_bucket_drains_says_so_and_fills_again(
    strict_campus: Campus, valkey: "Redis"
) -> None:
    greedy, modest = await strict_campus.person("Greta"), await strict_campus.person("Mo")
    await drain(greedy, times=COST_PER_MINUTE // PRICE + 1)
    [error] = await greedy.errors(DEAR)
    assert error["extensions"]["code"] == "THROTTLED"
    cost = error["extensions"]["cost"]
    assert set(cost) == {"requested", "maximum", "remaining", "resetAt"}
    assert (cost["requested"], cost["maximum"]) == (PRICE, COST_PER_MINUTE)
    assert cost["remaining"] < PRICE
    assert await modest.ask("{ viewer { id } }") == {"viewer": {"id": modest.user_id}}

    async with greedy.socket() as socket:  # the other way in leads to the same bucket
        await socket.subscribe(DEAR, {})
        message = await socket.next()
        assert "THROTTLED" in str(message)

    async def answered() -> bool:
        # As the end of the minute does; what was spent just before may be counted late.
        for key in valkey.scan_iter(f"*user:{greedy.user_id}*"):
            valkey.delete(key)
        return "errors" not in (await greedy.post({"query": DEAR})).json()

    await eventually(answered)


async def test_what_costs_more_than_any_bucket_says_what_it_costs(strict: Stack) -> None:
    async with campus_from(strict, "127.0.0.79") as campus:
        dear = "{ courses(first: 100) { nodes { reviews(first: 100) { nodes { id } } } } }"
        [error] = await campus.visitor().errors(dear)
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert error["extensions"]["cost"]["maximum"] == 1_000
    assert error["extensions"]["cost"]["requested"] > 10_000
