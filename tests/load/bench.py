"""A whole run: each scenario at each load, on the product and then on the baseline."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from tests.load import people
from tests.load.cell import measure
from tests.load.client import Job, Person
from tests.load.comparison import compare
from tests.load.people import Learner
from tests.load.report import Row
from tests.load.scenarios import Scenario
from tests.load.servers import Servers, Target

WARM_UP = 0.3  # of the seconds that are measured


@dataclass(frozen=True)
class Load:
    """So many users, as fast as they can or at a rate of requests a second."""

    users: int
    rate: float | None = None


async def run(
    servers: Servers, scenarios: Sequence[Scenario], loads: Sequence[Load], seconds: float
) -> AsyncIterator[Row]:
    """Measure; the rows come as they are done."""
    for scenario in scenarios:
        delivery = servers.delivery if scenario.writes else None
        most = max(load.users for load in loads)
        crowd = await people.learners(servers.stack, most)
        await compare(scenario, servers, crowd[0])
        for load in loads:
            crowd = await people.learners(servers.stack, load.users)
            product, baseline = [
                await measure(_job(target, scenario, crowd, load, seconds), target.meter, delivery)
                for target in (servers.product, servers.baseline)
            ]
            yield Row(scenario, len(crowd), load.rate, product, baseline)


def _job(
    target: Target, scenario: Scenario, crowd: Sequence[Learner], load: Load, seconds: float
) -> Job:
    ask = scenario.plain if target.name == "baseline" else scenario.asks
    return Job(
        host="127.0.0.1",
        port=target.port,
        people=[Person(learner.token, list(ask(learner))) for learner in crowd],
        seconds=seconds,
        rate=load.rate,
        whole_rounds=scenario.writes,
        warm_up=WARM_UP * seconds,
    )
