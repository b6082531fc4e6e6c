"""Clocks that differ: up to a minute nobody notices, beyond it nobody is let in."""

import asyncio
from functools import partial

from infra.stack import Stack
from tests.faults import ledger
from tests.faults.crowd import newcomer
from tests.faults.figures import Figure
from tests.support.api import eventually
from tests.support.campus import Campus

# The gateway signs what it asks with its own time. (Tokens: tests/kernel/test_tokens.py.)
SHIFTED = "--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+{}000;"


async def test_a_gateway_may_be_a_minute_off_and_no_more(
    system: Stack, campus: Campus, figure: Figure
) -> None:
    pupil, course = await newcomer(campus, lessons=3)
    lessons = iter(course.lesson_ids)
    try:
        for seconds in (-50, 50):
            await _shift(system, seconds)
            await pupil.finish([next(lessons)])
        assert not pupil.failures
        refused = next(lessons)
        for seconds in (-300, 300):
            await _shift(system, seconds)
            assert not await pupil.attempt(refused)
    finally:
        await asyncio.to_thread(system.restart, "gateway")
    await eventually(partial(ledger.settled, system))

    assert pupil.failures == {"SERVICE_UNAVAILABLE": 2}
    assert await ledger.balance(system, course.id, [pupil]) == ledger.NOTHING
    await pupil.finish([refused])
    figure("R34", seconds_let_in=50, seconds_refused=300, effects_of_refused=0)


async def _shift(system: Stack, seconds: int) -> None:
    await asyncio.to_thread(system.restart, "gateway", {"NODE_OPTIONS": SHIFTED.format(seconds)})
