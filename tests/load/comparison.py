"""The product and the baseline must say the same, or their figures cannot be compared."""

import re
from typing import Any

import httpx

from infra.terminal import Failure
from tests.load.client import Request
from tests.load.people import Learner
from tests.load.scenarios import Scenario
from tests.load.servers import Servers, Target

SHOWN = 400


async def compare(scenario: Scenario, servers: Servers, learner: Learner) -> None:
    """Ask both everything that the learner would ask.

    Raises:
        Failure: The answers differ, or one is an error.
    """
    async with httpx.AsyncClient(timeout=30) as client:
        # One after the other: what one of them writes, it takes back before the other begins.
        product = [
            await _ask(client, servers.product, learner, request)
            for request in scenario.asks(learner)
        ]
        if scenario.writes:
            await servers.delivery.settle()
        baseline = [
            await _ask(client, servers.baseline, learner, request)
            for request in scenario.plain(learner)
        ]
    if product != baseline:
        raise Failure(_difference(scenario.name, product, baseline))


async def _ask(client: httpx.AsyncClient, target: Target, learner: Learner, it: Request) -> Any:
    response = await client.request(
        it.method,
        target.url + it.path,
        content=it.body,
        headers={
            "authorization": f"Bearer {learner.token}",
            "content-type": "application/json",
            "accept": "application/json",
        },
    )
    fine = response.status_code == httpx.codes.OK and '"errors":' not in response.text
    if not fine or it.expect not in response.text:
        raise Failure(f"{target.name} {it.path}: {response.status_code} {response.text[:SHOWN]}")
    return response.json()["data"]


def _difference(name: str, product: list[Any], baseline: list[Any]) -> str:
    """Show where two answers part."""
    left, right = repr(product), repr(baseline)
    at = next(
        (place for place, pair in enumerate(zip(left, right, strict=False)) if len(set(pair)) > 1),
        min(len(left), len(right)),
    )
    start = max(at - SHOWN // 2, 0)
    return re.sub(
        r"\s+",
        " ",
        f"{name}: product and baseline differ: …{left[start : at + SHOWN]} / "
        f"…{right[start : at + SHOWN]}",
    )
