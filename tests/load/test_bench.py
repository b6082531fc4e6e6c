"""The benchmark itself, small and short: its answers count here, not its times."""

from collections.abc import AsyncIterator

import pytest

from infra.stack import Stack
from tests.load import bench, realtime
from tests.load.bench import Load
from tests.load.client import percentile
from tests.load.scenarios import SCENARIOS
from tests.load.servers import Servers, serving

SANE = 100
"""No page costs that many times what it costs by hand, on however busy a machine."""


@pytest.fixture
async def servers(seeded: Stack) -> AsyncIterator[Servers]:
    async with serving(seeded) as servers:
        yield servers


async def test_every_scenario_runs_and_says_what_its_baseline_says(servers: Servers) -> None:
    scenarios = list(SCENARIOS.values())
    rows = [row async for row in bench.run(servers, scenarios, [Load(4)], seconds=1)]
    assert [row.scenario for row in rows] == scenarios
    for row in rows:
        assert row.product.errors == 0, row.product.first_error
        assert row.baseline.errors == 0, row.baseline.first_error
        assert row.product.requests >= row.users
        assert row.baseline.requests >= row.users
    # Single measurements this short mean little; all of them together show that CPU is counted.
    product = sum(row.product.cpu_total * row.product.requests for row in rows)
    baseline = sum(row.baseline.cpu_total * row.baseline.requests for row in rows)
    each = sum(row.product.requests for row in rows), sum(row.baseline.requests for row in rows)
    assert 0 < (product / each[0]) / (baseline / each[1]) < SANE


async def test_a_steady_load_asks_as_often_as_it_was_told(servers: Servers) -> None:
    loads = [Load(8, rate=20)]
    (row,) = [row async for row in bench.run(servers, [SCENARIOS["progress"]], loads, seconds=1)]
    assert (row.product.errors, row.baseline.errors) == (0, 0)
    # Whoever has completed a lesson takes that back at the end, beyond the 20 of the rate.
    assert 20 <= row.product.requests <= 28
    assert 20 <= row.baseline.requests <= 28


async def test_each_device_hears_of_every_completion_once(servers: Servers) -> None:
    live = await realtime.measure(servers, sockets=8, rate=20, seconds=1)
    assert (live.sockets, live.heard.events) == (8, 20)
    assert (live.heard.missing, live.heard.doubled) == (0, 0)
    assert live.reconnect_seconds > 0


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    ordered = [float(value) for value in range(1, 101)]
    assert [percentile(ordered, percent) for percent in (50, 95, 99)] == [50, 95, 99]
    assert percentile([7.0], 99) == 7
    assert percentile([], 50) == 0
