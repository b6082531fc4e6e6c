"""Clocks that differ: up to a minute nobody notices, beyond it nobody is let in."""

import asyncio
from functools import partial

import pytest

from infra.stack import Stack
from tests.faults import ledger
from tests.faults.crowd import newcomer
from tests.faults.figures import Figure
from tests.support.api import eventually
from tests.support.campus import Campus

# The gateway signs what it asks with its own time. (Tokens: tests/kernel/test_tokens.py.)
SHIFTED = "--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+{}000;"


@pytest.mark.parametrize("seconds", [-50, 50])
async def test_a_gateway_whose_clock_differs_by_less_than_a_minute_works(
    system: Stack, campus: Campus, figure: Figure, seconds: int
) -> None:
    pupil, course = await newcomer(campus, lessons=1)
    await asyncio.to_thread(system.restart, "gateway", {"NODE_OPTIONS": SHIFTED.format(seconds)})
    try:
        await pupil.finish(course.lesson_ids)
    finally:
        await asyncio.to_thread(system.restart, "gateway")
    assert not pupil.failures
    figure("R34", shift=seconds, failures=0)


@pytest.mark.parametrize("seconds", [-300, 300])
async def test_a_gateway_whose_clock_is_five_minutes_off_gets_nothing_done(
    system: Stack, campus: Campus, figure: Figure, seconds: int
) -> None:
    pupil, course = await newcomer(campus, lessons=1)
    await asyncio.to_thread(system.restart, "gateway", {"NODE_OPTIONS": SHIFTED.format(seconds)})
    try:
        assert not await pupil.attempt(course.lesson_ids[0])
    finally:
        await asyncio.to_thread(system.restart, "gateway")
    await eventually(partial(ledger.settled, system))

    assert pupil.failures == {"SERVICE_UNAVAILABLE": 1}
    assert await ledger.balance(system, course.id, [pupil]) == ledger.NOTHING
    figure("R34", shift=seconds, refused=1, effects=0)
