"""The great experiment, small enough for the gate; `python -m tests.faults` runs it in full."""

import pytest

from infra.stack import Stack
from tests.faults import experiment, ledger
from tests.faults.figures import Figure
from tests.faults.nemesis import VICTIMS
from tests.faults.scale import FULL


@pytest.mark.timeout(900)
async def test_nothing_is_lost_and_nothing_happens_twice_while_parts_are_killed(
    system: Stack, figure: Figure
) -> None:
    plan = experiment.FULL if FULL else experiment.SMALL

    outcome = await experiment.run(system, plan)

    figure("exactly once", **outcome.as_json())
    assert outcome.completions == plan.completions
    assert outcome.balance == ledger.NOTHING
    assert outcome.drift == ""
    assert (outcome.missed, outcome.doubled, outcome.unordered) == (0, 0, 0)
    assert sum(outcome.killed.values()) >= plan.completions // plan.every[1] - 1
    if FULL:  # enough deaths for each kind of them
        assert set(outcome.killed) == set(VICTIMS)
        assert outcome.fell["worker"] > 0
