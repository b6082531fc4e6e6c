"""A subgraph that is down or hangs: the others answer in full, and it is missed politely."""

import asyncio
import signal
import time
from functools import partial
from typing import Any

import pytest

from infra.stack import Stack
from tests.faults.crowd import Pupil, newcomer
from tests.faults.figures import Figure, percentile
from tests.support.api import Api, eventually
from tests.support.campus import Campus, Course

ASKED = 20
BUDGET_SECONDS = 5.0
"""What the gateway grants a query, however often it asks a subgraph."""
SLACK_SECONDS = 4.0
"""What a loaded machine may add; less than the budget, so that nobody waits for it twice."""
ROUNDS, AT_ONCE = 4, 8
BYSTANDERS = {"users": "courses", "courses": "users", "learning": "users"}
"""Who is asked while another one hangs."""
OWN = {
    "users": "{ viewer { name } }",
    "courses": "{ course(slug: %s) { title modules { lessons { title } } } }",
    "learning": "{ enrollment(id: %s) { percentComplete } }",
}
JOINED = """query ($slug: String!) {
  viewer { name }
  course(slug: $slug) { title instructors { name } viewerEnrollment { percentComplete } } }"""
# What is left of the page without each of them.
PARTIAL: dict[str, dict[str, Any]] = {
    "users": {"viewer": None},
    "courses": {"viewer": {"name": "Lea"}, "course": None},
    "learning": {"viewer": {"name": "Lea"}},
}


@pytest.mark.parametrize("victim", ["users", "courses", "learning"])
async def test_without_a_subgraph_the_others_answer_in_full(
    system: Stack, campus: Campus, figure: Figure, victim: str
) -> None:
    pupil, course = await newcomer(campus, lessons=2)
    learner, own = pupil.person, _own(pupil, course)
    system.kill(victim)
    await asyncio.to_thread(system.stop, victim)
    try:
        answers = {
            name: [await _answer(learner, query) for _ in range(ASKED)]
            for name, query in own.items()
        }
        joined = await _answer(learner, JOINED, slug=course.slug)
    finally:
        killed = time.monotonic()
        await asyncio.to_thread(system.start, victim)
    await eventually(partial(_is_whole, learner, course.slug), within=20)
    recovered = time.monotonic() - killed

    for name, found in answers.items():
        failed = [answer for answer in found if "errors" in answer]
        assert len(failed) == (ASKED if name == victim else 0), failed
    assert _codes(joined) == {("SERVICE_UNAVAILABLE", victim)}
    assert PARTIAL[victim].items() <= joined["data"].items()
    if victim != "courses":
        assert joined["data"]["course"]["title"].startswith("Course ")
    figure("R18", victim=victim, others_failed=0, recovered=round(recovered, 2))


def _own(pupil: Pupil, course: Course) -> dict[str, str]:
    """A question to each subgraph that it answers alone."""
    return {
        "users": OWN["users"],
        "courses": OWN["courses"] % f'"{course.slug}"',
        "learning": OWN["learning"] % f'"{pupil.enrollment_id}"',
    }


async def _answer(caller: Api, query: str, **variables: str) -> Any:
    return (await caller.post({"query": query, "variables": variables})).json()


async def _is_whole(caller: Api, slug: str) -> bool:
    return "errors" not in await _answer(caller, JOINED, slug=slug)


def _codes(answer: Any) -> set[tuple[str, str]]:
    return {
        (error["extensions"]["code"], error["extensions"].get("service", ""))
        for error in answer["errors"]
    }


@pytest.mark.parametrize("victim", ["users", "courses", "learning"])
async def test_a_subgraph_that_hangs_is_given_up_on_within_its_budget(
    system: Stack, campus: Campus, figure: Figure, victim: str
) -> None:
    pupil, course = await newcomer(campus, lessons=1)
    learner, bystander = pupil.person, _own(pupil, course)[BYSTANDERS[victim]]
    state = f'polynode_gateway_breaker_state{{subgraph="{victim}"}}'
    system.kill(victim, signal.SIGSTOP)
    try:
        waited, others = [], []
        for _ in range(ROUNDS):
            answers = await asyncio.gather(*(_timed(learner, course.slug) for _ in range(AT_ONCE)))
            waited += [seconds for seconds, _ in answers]
            for _, answer in answers:
                assert _codes(answer) == {("SERVICE_UNAVAILABLE", victim)}
                assert PARTIAL[victim].items() <= answer["data"].items()
            started = time.monotonic()
            assert "errors" not in await _answer(learner, bystander)
            others.append(time.monotonic() - started)
        breaker = system.metrics("gateway")[state]
    finally:
        system.kill(victim, signal.SIGCONT)
        resumed = time.monotonic()
    await eventually(partial(_is_whole, learner, course.slug), within=20)
    recovered = time.monotonic() - resumed

    assert breaker == 2
    assert max(waited) < BUDGET_SECONDS + SLACK_SECONDS
    assert percentile(waited, 0.5) < SLACK_SECONDS  # the breaker spares most of them the wait
    assert max(others) < SLACK_SECONDS
    figure(
        "R19",
        victim=victim,
        p50=round(percentile(waited, 0.5), 3),
        p99=round(percentile(waited, 0.99), 3),
        others_worst=round(max(others), 3),
        recovered=round(recovered, 2),
    )


async def _timed(caller: Api, slug: str) -> tuple[float, Any]:
    started = time.monotonic()
    answer = await _answer(caller, JOINED, slug=slug)
    return time.monotonic() - started, answer
