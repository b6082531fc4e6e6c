"""Logging in: equal answers, equal time, and patience that runs out for nobody for good."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat
from typing import Any

from redis import Redis
from sqlalchemy import func, select

from subgraphs.kernel.db import Database
from subgraphs.users.gateways import attempts, passwords
from subgraphs.users.gateways.passwords import Passwords
from subgraphs.users.models import Session
from tests.users.people import LOGIN, PASSWORD, REGISTER, Person, published


async def fail(person: Person, times: int = 1, **changes: Any) -> list[Any]:
    wrong = {"email": person.email, "password": "not the password", **changes}
    return [await person.do(LOGIN, **wrong) for _ in range(times)]


async def test_logging_in_takes_three_statements(ada: Person, statements: list[str]) -> None:
    statements.clear()
    await ada.do(LOGIN, email=ada.email, password=PASSWORD)
    assert [text.split()[0] for text in statements] == ["SELECT", "INSERT", "SELECT"]


async def test_every_failure_gets_the_same_answer(
    ada: Person, operator: Person, visitor: Person, db: Database
) -> None:
    bob = await visitor.register("Bob")
    deactivate = f'mutation {{ deactivateUser(input: {{userId: "{bob.id}"}}) {{ __typename }} }}'
    await operator.ask(deactivate)
    before = await published(db)

    wrong = await visitor.do(LOGIN, email=ada.email, password="not the password")
    answers = [
        await visitor.do(LOGIN, email="nobody@example.com", password=PASSWORD),
        await visitor.do(LOGIN, email="no address", password=PASSWORD),
        await visitor.do(LOGIN, email="\ud800", password=PASSWORD),
        await visitor.do(LOGIN, email=bob.email, password=PASSWORD),
        await visitor.do(LOGIN, email=ada.email, password="x" * 100_000),
        await visitor.do(LOGIN, email=ada.email, password=""),
    ]

    assert wrong["code"] == "INVALID_CREDENTIALS"
    assert answers == [wrong] * 6
    assert await published(db) == before


async def test_time_does_not_tell_who_is_registered(visitor: Person) -> None:
    """Of 200 samples, ranked by time, neither kind gathers at an end (Mann-Whitney)."""
    visitor = replace(visitor, services=replace(visitor.services, passwords=Passwords(2)))
    ada = await visitor.register("Ada")

    async def timed(number: int, email: str) -> float:
        person = ada.at(f"2001:db8:0:{number:x}::1")
        started = time.perf_counter()
        answer = await person.do(LOGIN, email=email, password="not the password")
        assert answer["code"] == "INVALID_CREDENTIALS"
        return time.perf_counter() - started

    known, unknown = [], []
    for number in range(100):
        known.append(await timed(2 * number, ada.email))
        unknown.append(await timed(2 * number + 1, f"nobody{number}@example.com"))
    greater = sum((a > b) + (a == b) / 2 for a in known for b in unknown)
    spread = (100 * 100 * 201 / 12) ** 0.5
    assert abs(greater - 5_000) / spread < 4


async def test_failures_cost_pauses_that_double_and_end(ada: Person, valkey: str) -> None:
    assert {answer["code"] for answer in await fail(ada, 5)} == {"INVALID_CREDENTIALS"}
    waits = []
    with Redis.from_url(valkey) as client:
        for _ in range(12):
            [allowed] = await fail(ada)
            assert allowed["code"] == "INVALID_CREDENTIALS"
            [refused] = await fail(ada)
            assert refused["__typename"] == "TooManyAttemptsError"
            waits.append(refused["retryAfter"])
            for key in client.scan_iter("*pause*"):
                client.delete(key)  # the pause is over
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


async def test_a_good_password_waits_like_any_other_and_then_clears_the_account(
    ada: Person, valkey: str
) -> None:
    await fail(ada, 6)
    refused = await ada.do(LOGIN, email=ada.email, password=PASSWORD)
    assert refused["code"] == "TOO_MANY_ATTEMPTS"
    with Redis.from_url(valkey) as client:
        for key in client.scan_iter("*pause*"):
            client.delete(key)
    await ada.log_in()
    assert {answer["code"] for answer in await fail(ada, 5)} == {"INVALID_CREDENTIALS"}


async def exhaust(person: Person, *, accounts: Iterable[str], addresses: Iterable[str]) -> None:
    """Fail as often as passes freely, without the cost of the hashes."""
    for account, address in zip(accounts, addresses, strict=False):
        begin = person.services.attempts.begin
        await begin("login", account=account, address=address, known=False)


async def test_a_siege_does_not_lock_its_victim_out(ada: Person) -> None:
    besiegers = (f"198.51.100.{number}" for number in range(1, attempts.FREE_ACCOUNT + 1))
    await exhaust(ada, accounts=repeat(ada.email), addresses=besiegers)
    stranger = ada.at("203.0.113.9")
    assert (await fail(stranger))[0]["code"] == "INVALID_CREDENTIALS"

    refused = await stranger.do(LOGIN, email=ada.email, password=PASSWORD)
    assert refused["code"] == "TOO_MANY_ATTEMPTS"
    assert (await ada.log_in()).id == ada.id  # from where she has been before


async def test_stuffing_many_accounts_from_one_address_is_slowed_down(ada: Person) -> None:
    accounts = (f"user{number}@example.com" for number in range(attempts.FREE_ADDRESS))
    await exhaust(ada, accounts=accounts, addresses=repeat(ada.address))
    codes = [(await fail(ada, email=f"{n}@example.com"))[0]["code"] for n in range(2)]
    assert codes == ["INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"]
    # Those behind the same address who have been there before do not suffer.
    assert (await ada.log_in()).id == ada.id


async def test_a_new_ipv6_address_of_the_same_site_is_no_fresh_start(ada: Person) -> None:
    addresses = [f"2001:db8::{number:x}" for number in range(7)]
    codes = [(await fail(ada.at(address)))[0]["code"] for address in addresses]
    assert codes == ["INVALID_CREDENTIALS"] * 6 + ["TOO_MANY_ATTEMPTS"]
    [elsewhere] = await fail(ada.at("2001:db8:0:1::1"))
    assert elsewhere["code"] == "INVALID_CREDENTIALS"


async def test_an_ipv4_address_is_the_same_in_the_guise_of_ipv6(ada: Person) -> None:
    besieger = ada.at("198.51.100.1")
    await fail(besieger, 6)
    [refused] = await fail(ada.at("::ffff:198.51.100.1"))
    assert refused["code"] == "TOO_MANY_ATTEMPTS"


async def test_stuffing_from_the_addresses_of_one_site_is_slowed_down(ada: Person) -> None:
    accounts = (f"user{number}@example.com" for number in range(attempts.FREE_ADDRESS))
    await exhaust(ada, accounts=accounts, addresses=(f"2001:db8::{n:x}" for n in range(1_000)))
    stranger = ada.at("2001:db8::ffff")
    codes = [(await fail(stranger, email=f"{n}@example.com"))[0]["code"] for n in range(2)]
    assert codes == ["INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"]


async def test_a_session_shows_the_whole_address_of_its_login(ada: Person, db: Database) -> None:
    address = "2001:db8::1:2:3:4"
    await ada.at(address).log_in()
    async with db.read() as session:
        kept = await session.scalars(select(Session.address).order_by(Session.id))
        assert kept.all() == [ada.address, address]


async def test_logging_in_to_an_account_of_ones_own_forgives_no_stuffing(ada: Person) -> None:
    eve = await ada.at("198.51.100.1").register("Eve")
    accounts = (f"user{number}@example.com" for number in range(attempts.FREE_ADDRESS))
    await exhaust(eve, accounts=accounts, addresses=repeat(eve.address))
    await eve.log_in()
    codes = [(await fail(eve, email=f"{n}@example.com"))[0]["code"] for n in range(2)]
    assert codes == ["INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"]


async def test_attempts_at_once_are_counted_before_they_are_made(ada: Person) -> None:
    answers = await asyncio.gather(*(fail(ada) for _ in range(20)))
    codes = [answer[0]["code"] for answer in answers]
    assert codes.count("INVALID_CREDENTIALS") == attempts.FREE_PAIR + 1


async def test_logins_batched_by_alias_are_counted_one_by_one(ada: Person) -> None:
    wrong = f'login(input: {{email: "{ada.email}", password: "not it"}}) {{ __typename }}'
    data = await ada.ask(f"mutation {{ {' '.join(f'a{n}: {wrong}' for n in range(10))} }}")
    kinds = [answer["__typename"] for answer in data.values()]
    assert kinds == ["InvalidCredentialsError"] * 6 + ["TooManyAttemptsError"] * 4


async def test_asking_for_taken_addresses_is_slowed_down(ada: Person) -> None:
    input = {"name": "Eve", "email": ada.email, "password": PASSWORD}
    codes = [(await ada.do(REGISTER, **input))["code"] for _ in range(7)]
    assert codes == ["EMAIL_TAKEN"] * 6 + ["TOO_MANY_ATTEMPTS"]


async def test_a_flood_of_hashes_is_sent_away_before_it_fills_the_memory() -> None:
    hashing = Passwords(1, memory=64)
    at_once = [hashing.verify("anything", None) for _ in range(passwords.MAX_WAITING + 10)]
    answers = await asyncio.gather(*at_once, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert len(refused) == 10
    assert {getattr(answer, "code", None) for answer in refused} == {"TOO_MANY_ATTEMPTS"}


async def test_a_lost_valkey_keeps_nobody_out() -> None:
    away = attempts.Attempts("redis://127.0.0.1:1/0")
    attempt = await away.begin("login", account="ada", address="192.0.2.1", known=False)
    await away.succeeded(attempt)
    await away.close()
    assert attempt.buckets == ()


async def test_passwords_are_hashed_as_owasp_wants() -> None:
    hashed = await Passwords(1).hash(PASSWORD)
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_refused_login_leaves_no_session(ada: Person, db: Database) -> None:
    await fail(ada, 3)
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 1
