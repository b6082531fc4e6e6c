"""Guessing at the login: who is registered, what their password is, and how much hashing costs."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import httpx
from redis import Redis

from infra.stack import Stack
from subgraphs.users.gateways.attempts import FREE_ACCOUNT, FREE_ADDRESS, Attempts
from tests.security.hostile import logins
from tests.support.api import PASSWORD, Api
from tests.support.campus import Campus
from tests.support.intruder import campus_from

LOGIN = """mutation ($input: LoginInput!) {
  login(input: $input) { __typename ... on UserError { code message } } }"""
WRONG = "not it at all"
SAMPLES = 200
ENOUGH_FOR_A_PAUSE = 6
"""Failures of an account at one address after which the next attempt waits."""


async def guess(caller: Api, email: str, password: str = WRONG) -> str:
    answer = await caller.do("login", email=email, password=password)
    return str(answer.get("code", answer["__typename"]))


def rank_score(a: list[float], b: list[float]) -> float:
    """How far apart two samples are by ranks (Mann-Whitney), in standard deviations."""
    greater = sum((x > y) + (x == y) / 2 for x in a for y in b)
    spread: float = (len(a) * len(b) * (len(a) + len(b) + 1) / 12) ** 0.5
    return abs(greater - len(a) * len(b) / 2) / spread


async def timed_login(stack: Stack, address: str, email: str) -> tuple[float, bytes]:
    """Seconds of a wrong login from an address of its own, and the body of the answer."""
    async with campus_from(stack, address) as campus:
        caller = campus.visitor()
        await caller.ask("{ __typename }")  # connects
        body = {"query": LOGIN, "variables": {"input": {"email": email, "password": WRONG}}}
        started = time.perf_counter()
        response = await caller.post(body)
        return time.perf_counter() - started, response.content


async def test_neither_answer_nor_time_tells_who_is_registered(
    campus: Campus, stack: Stack, record_property: Any
) -> None:
    """Two hundred attempts in random order, each from an address of its own."""
    member = (await campus.person("Vera")).email
    kinds = [True, False] * (SAMPLES // 2)
    random.Random(37).shuffle(kinds)  # noqa: S311, an order, not a secret
    times: dict[bool, list[float]] = {True: [], False: []}
    bodies = set()
    for number, known in enumerate(kinds):
        email = member if known else f"nobody-{uuid4().hex[:12]}@example.com"
        taken, body = await timed_login(stack, f"127.37.{number // 250}.{number % 250 + 1}", email)
        times[known].append(taken)
        bodies.add(body)
    score = rank_score(times[True], times[False])
    record_property("standard_deviations", score)
    assert len(bodies) == 1
    assert b"INVALID_CREDENTIALS" in bodies.pop()
    assert score < 4  # by chance once in 16,000 runs


async def test_the_rank_test_would_tell_a_difference() -> None:
    generator = random.Random(37)  # noqa: S311, noise, not a secret
    noise = [generator.gauss(50, 10) for _ in range(SAMPLES)]
    assert rank_score(noise[:100], noise[100:]) < 4
    assert rank_score(noise[:100], [value + 10 for value in noise[100:]]) > 4


async def test_guessing_at_one_account_is_slowed_down_and_its_owner_gets_in(
    campus: Campus, stack: Stack
) -> None:
    victim = await campus.person("Vera")
    async with campus_from(stack, "127.38.0.1") as besieger:
        codes = [await guess(besieger.visitor(), victim.email) for _ in range(12)]
        right = await guess(besieger.visitor(), victim.email, PASSWORD)
    assert codes[:ENOUGH_FOR_A_PAUSE] == ["INVALID_CREDENTIALS"] * ENOUGH_FOR_A_PAUSE
    assert codes[ENOUGH_FOR_A_PAUSE:].count("TOO_MANY_ATTEMPTS") >= 5
    assert right == "TOO_MANY_ATTEMPTS"  # nor would a lucky guess be told from the others

    async with campus_from(stack, "127.38.0.2") as elsewhere:
        assert await guess(elsewhere.visitor(), victim.email, PASSWORD) == "LoginSuccess"


async def fail_before(stack: Stack, attempts: Iterable[tuple[str, str]]) -> None:
    """Count failures of accounts at addresses as the servers do, without the cost of hashing."""
    counters = Attempts(stack.valkey_url)
    for account, address in attempts:
        await counters.begin("login", account=account, address=address, known=False)
    await counters.close()


async def test_a_siege_from_everywhere_leaves_the_owner_a_way_in(
    campus: Campus, stack: Stack
) -> None:
    """A hundred attackers with an address each; the owner comes from where they always come."""
    victim = await campus.person("Vera")
    besiegers = [f"198.51.100.{number}" for number in range(FREE_ACCOUNT)]
    await fail_before(stack, ((victim.email, address) for address in besiegers))

    async def attack(number: int) -> str:
        async with campus_from(stack, f"127.38.1.{number + 1}") as besieger:
            return await guess(besieger.visitor(), victim.email)

    codes = await asyncio.gather(*(attack(number) for number in range(12)))
    assert codes.count("TOO_MANY_ATTEMPTS") >= 10
    assert await guess(campus.visitor(), victim.email, PASSWORD) == "LoginSuccess"


async def test_guesses_batched_in_one_document_count_one_by_one(
    campus: Campus, stack: Stack
) -> None:
    victim = await campus.person("Vera")
    async with campus_from(stack, "127.38.2.1") as besieger:
        data = await besieger.visitor().ask(logins(10, victim.email))
        kinds = [answer["__typename"] for answer in data.values()]
        assert kinds == ["InvalidCredentialsError"] * 6 + ["TooManyAttemptsError"] * 4
        async with besieger.visitor().socket() as socket:
            await socket.subscribe(logins(10, victim.email), {})
            again = await socket.data()
    # The socket came from localhost: an address, and so a pair, of its own.
    assert "LoginSuccess" not in json.dumps(again)
    assert json.dumps(again).count("TooManyAttemptsError") >= 4


async def test_stuffing_many_accounts_from_one_address_is_slowed_down(
    stack: Stack,
) -> None:
    leaked = [f"leaked-{uuid4().hex[:12]}@example.com" for _ in range(FREE_ADDRESS + 20)]
    await fail_before(stack, ((one, "127.38.3.1") for one in leaked[:FREE_ADDRESS]))
    async with campus_from(stack, "127.38.3.1") as stuffer:
        rest = leaked[FREE_ADDRESS:]
        codes = await asyncio.gather(*(guess(stuffer.visitor(), one) for one in rest))
    assert codes.count("TOO_MANY_ATTEMPTS") >= 15
    with Redis.from_url(stack.valkey_url) as client:
        pauses = [client.ttl(key) for key in client.scan_iter("*pause:login:address:127.38.3.1*")]
    assert pauses
    assert max(pauses) <= 900  # nobody waits longer than a quarter of an hour


async def test_a_flood_of_hashes_leaves_the_others_their_time(
    campus: Campus, stack: Stack, record_property: Any
) -> None:
    """Passwords are hashed a few at a time, so that other requests find a core."""
    person = await campus.person("Vera")
    query = "{ viewer { id name } }"
    over = asyncio.Event()
    times = []

    async def flood() -> list[str]:
        async with campus_from(stack, "127.39.0.1") as flooder:
            emails = [f"nobody-{uuid4().hex[:12]}@example.com" for _ in range(90)]
            codes = await asyncio.gather(*(guess(flooder.visitor(), one) for one in emails))
        over.set()
        return codes

    async def others() -> None:
        while not over.is_set():
            started = time.perf_counter()
            assert await person.ask(query) == {"viewer": {"id": person.user_id, "name": "Vera"}}
            times.append(time.perf_counter() - started)

    codes, _ = await asyncio.gather(flood(), others())
    assert set(codes) <= {"INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"}
    record_property("median_seconds", statistics.median(times))
    assert statistics.median(times) < 0.5
    assert max(times) < 3


async def test_a_password_of_a_megabyte_costs_what_others_cost(campus: Campus) -> None:
    started = time.perf_counter()
    huge = "x" * 900_000
    answer = await campus.visitor().do(
        "register", name="Vera", email=f"v-{uuid4().hex}@example.com", password=huge
    )
    assert answer["code"] == "WEAK_PASSWORD"
    assert await guess(campus.visitor(), "nobody@example.com", huge) == "INVALID_CREDENTIALS"
    assert time.perf_counter() - started < 3


async def test_many_connections_at_once_are_no_way_around(campus: Campus, stack: Stack) -> None:
    """Attempts count before they are made: racing gains nothing."""
    victim = await campus.person("Vera")
    transport = httpx.AsyncHTTPTransport(local_address="127.38.4.1")
    url = stack.url.replace("localhost", "127.0.0.1")
    async with httpx.AsyncClient(transport=transport, timeout=30) as client:
        callers = [Api(url, client) for _ in range(20)]
        codes = await asyncio.gather(*(guess(caller, victim.email) for caller in callers))
    assert codes.count("INVALID_CREDENTIALS") <= ENOUGH_FOR_A_PAUSE + 1
    assert codes.count("TOO_MANY_ATTEMPTS") >= 13
