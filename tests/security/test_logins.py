"""Guessing at the login: who is registered, what their password is, and how much hashing costs."""

import asyncio
import random
import statistics
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import httpx
from redis import Redis

from infra.stack import Stack
from subgraphs.users.gateways.attempts import FREE_ACCOUNT, FREE_ADDRESS, FREE_PAIR, Attempts
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

NINE_BEYOND = 9
"""Failures beyond the free ones: the next attempt begins a pause of 2^9 seconds, and no test lasts
as long."""


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
        free = [await guess(besieger.visitor(), victim.email) for _ in range(ENOUGH_FOR_A_PAUSE)]
        more = FREE_PAIR + NINE_BEYOND - ENOUGH_FOR_A_PAUSE
        await fail_before(stack, [(victim.email, "127.38.0.1")] * more)
        codes = [await guess(besieger.visitor(), victim.email) for _ in range(6)]
        right = await guess(besieger.visitor(), victim.email, PASSWORD)
    assert free == ["INVALID_CREDENTIALS"] * ENOUGH_FOR_A_PAUSE
    assert codes == ["INVALID_CREDENTIALS"] + ["TOO_MANY_ATTEMPTS"] * 5
    assert right == "TOO_MANY_ATTEMPTS"  # nor would a lucky guess be told from the others

    async with campus_from(stack, "127.38.0.2") as elsewhere:
        assert await guess(elsewhere.visitor(), victim.email, PASSWORD) == "LoginSuccess"


async def fail_before(
    stack: Stack, attempts: Iterable[tuple[str, str]], *, known: bool = False
) -> None:
    """Count failures of accounts at addresses as the servers do, as if each pause had passed."""
    counters = Attempts(stack.valkey_url)
    with Redis.from_url(stack.valkey_url) as client:

        def let_pauses_pass() -> None:
            for pause in client.scan_iter("*pause:login:*", count=10_000):
                client.delete(pause)

        for account, address in attempts:
            let_pauses_pass()
            await counters.begin("login", account=account, address=address, known=known)
        let_pauses_pass()
    await counters.close()


async def test_a_siege_from_everywhere_leaves_the_owner_a_way_in(
    campus: Campus, stack: Stack
) -> None:
    """A hundred attackers with an address each; the owner comes from where they always come."""
    victim = await campus.person("Vera")
    besiegers = [f"198.51.100.{number}" for number in range(FREE_ACCOUNT + NINE_BEYOND)]
    await fail_before(stack, ((victim.email, address) for address in besiegers))

    async def attack(number: int) -> str:
        async with campus_from(stack, f"127.38.1.{number + 1}") as besieger:
            return await guess(besieger.visitor(), victim.email)

    codes = await asyncio.gather(*(attack(number) for number in range(12)))
    assert sorted(codes) == ["INVALID_CREDENTIALS"] + ["TOO_MANY_ATTEMPTS"] * 11
    assert await guess(campus.visitor(), victim.email, PASSWORD) == "LoginSuccess"


def kinds_of(data: dict[str, Any]) -> list[str]:
    return [answer["__typename"] for answer in data.values()]


async def test_guesses_batched_in_one_document_count_one_by_one(
    campus: Campus, stack: Stack
) -> None:
    victim = await campus.person("Vera")
    async with campus_from(stack, "127.38.2.1") as besieger:
        free = await besieger.visitor().ask(logins(FREE_PAIR, victim.email))
        failures = [(victim.email, "127.38.2.1")] * NINE_BEYOND
        await fail_before(stack, failures)
        again = await besieger.visitor().ask(logins(10, victim.email))
        async with besieger.visitor().socket() as socket:
            # It came from localhost: an address, and so a pair, of its own, and one that is known.
            failures = [(victim.email, "127.0.0.1")] * (FREE_PAIR + NINE_BEYOND)
            await fail_before(stack, failures, known=True)
            await socket.subscribe(logins(10, victim.email), {})
            on_the_socket = await socket.data()
    assert kinds_of(free) == ["InvalidCredentialsError"] * FREE_PAIR
    slowed_down = ["InvalidCredentialsError"] + ["TooManyAttemptsError"] * 9
    assert kinds_of(again) == slowed_down
    assert kinds_of(on_the_socket) == slowed_down


async def test_stuffing_many_accounts_from_one_address_is_slowed_down(
    stack: Stack,
) -> None:
    known = FREE_ADDRESS + NINE_BEYOND
    leaked = [f"leaked-{uuid4().hex[:12]}@example.com" for _ in range(known + 20)]
    await fail_before(stack, ((one, "127.38.3.1") for one in leaked[:known]))
    async with campus_from(stack, "127.38.3.1") as stuffer:
        rest = leaked[known:]
        codes = await asyncio.gather(*(guess(stuffer.visitor(), one) for one in rest))
    assert sorted(codes) == ["INVALID_CREDENTIALS"] + ["TOO_MANY_ATTEMPTS"] * 19
    with Redis.from_url(stack.valkey_url) as client:
        pauses = [client.ttl(key) for key in client.scan_iter("*pause:login:address:127.38.3.1*")]
    assert len(pauses) == 1
    assert 60 < pauses[0] <= 900  # nobody waits longer than a quarter of an hour


async def test_a_flood_of_hashes_leaves_the_others_their_time(
    campus: Campus, stack: Stack, record_property: Any
) -> None:
    """Passwords are hashed a few at a time, so that other requests find a core."""
    person = await campus.person("Vera")
    over = asyncio.Event()
    times: list[float] = []

    async def look() -> float:
        started = time.perf_counter()
        answer = await person.ask("{ viewer { id name } }")
        assert answer == {"viewer": {"id": person.user_id, "name": "Vera"}}
        return time.perf_counter() - started

    async def flood() -> list[str]:
        async with campus_from(stack, "127.39.0.1") as flooder:
            emails = [f"nobody-{uuid4().hex[:12]}@example.com" for _ in range(90)]
            codes = await asyncio.gather(*(guess(flooder.visitor(), one) for one in emails))
        over.set()
        return codes

    async def others() -> None:
        while not over.is_set():
            times.append(await look())

    alone = statistics.median([await look() for _ in range(30)])
    started = time.perf_counter()
    codes, _ = await asyncio.gather(flood(), others())
    whole = time.perf_counter() - started
    assert set(codes) <= {"INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"}
    record_property("median_over_unloaded", statistics.median(times) / alone)
    record_property("longest_over_flood", max(times) / whole)
    assert statistics.median(times) < 20 * alone
    assert max(times) < whole / 2  # nobody waits for the queue of hashes to end


async def cost(caller: Api, password: str) -> float:
    """Seconds that a weak and a wrong password take together."""
    email = f"nobody-{uuid4().hex}@example.com"
    started = time.perf_counter()
    answer = await caller.do("register", name="Vera", email=email, password=password)
    assert answer["code"] == "WEAK_PASSWORD"
    assert await guess(caller, email, password) == "INVALID_CREDENTIALS"
    return time.perf_counter() - started


async def test_a_password_of_a_megabyte_costs_what_others_cost(
    campus: Campus, record_property: Any
) -> None:
    """In turns, and the best of five each: a busy machine delays both alike."""
    passwords = ("password", "x" * 900_000)
    rounds = [[await cost(campus.visitor(), one) for one in passwords] for _ in range(5)]
    usual, huge = (min(times) for times in zip(*rounds, strict=True))
    record_property("ratio", huge / usual)
    assert huge < 5 * usual


async def test_many_connections_at_once_are_no_way_around(campus: Campus, stack: Stack) -> None:
    """Attempts count before they are made: racing gains nothing."""
    victim = await campus.person("Vera")
    await fail_before(stack, [(victim.email, "127.38.4.1")] * (FREE_PAIR + NINE_BEYOND))
    transport = httpx.AsyncHTTPTransport(local_address="127.38.4.1")
    url = stack.url.replace("localhost", "127.0.0.1")
    async with httpx.AsyncClient(transport=transport, timeout=30) as client:
        callers = [Api(url, client) for _ in range(20)]
        codes = await asyncio.gather(*(guess(caller, victim.email) for caller in callers))
    assert sorted(codes) == ["INVALID_CREDENTIALS"] + ["TOO_MANY_ATTEMPTS"] * 19
