"""A token that says what is no longer so: news of a revocation may be late, the rows are not."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select

from subgraphs.kernel.db import Database
from subgraphs.users.errors import TooManyAttemptsError
from subgraphs.users.gateways.passwords import MAX_NEWCOMERS, MAX_WAITING, Passwords
from subgraphs.users.models import ApiClient, Organization, Session
from subgraphs.users.repository.sessions import FORGOTTEN_AT_ONCE, forget_sessions
from subgraphs.users.service.administration import set_operator
from tests.users.people import CREATE_ORGANIZATION, LOGIN, PASSWORD, Person, published

LOGOUT_EVERYWHERE = "mutation { logoutEverywhere { __typename } }"
SET_ROLE = """mutation ($input: SetMemberRoleInput!) { setMemberRole(input: $input) {
  __typename ... on UserError { code } } }"""
CREATE_CLIENT = """mutation ($input: CreateApiClientInput!) { createApiClient(input: $input) {
  __typename ... on CreateApiClientSuccess { client { id } } ... on UserError { code } } }"""
REVOKE_CLIENT = """mutation ($input: RevokeApiClientInput!) { revokeApiClient(input: $input) {
  __typename ... on UserError { code } } }"""
INVITE = """mutation ($input: InviteMemberInput!) { inviteMember(input: $input) {
  __typename ... on UserError { code } } }"""
DEACTIVATE = """mutation ($input: DeactivateUserInput!) { deactivateUser(input: $input) {
  __typename ... on UserError { code } } }"""


async def count(db: Database, model: type[Organization | ApiClient]) -> int:
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_the_token_of_a_session_that_ended_gets_no_successor(ada: Person) -> None:
    await ada.do(LOGOUT_EVERYWHERE)
    before = await published(ada.db)

    refused = await ada.do(CREATE_ORGANIZATION, name="Thieves", slug="thieves")

    assert refused["code"] == "UNAUTHENTICATED"
    assert await count(ada.db, Organization) == 0
    assert await published(ada.db) == before


async def test_a_new_role_does_not_make_a_token_live_longer(ada: Person) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=60)
    about_to_end = replace(ada, viewer=replace(ada.viewer, expires_at=ends))

    made = await about_to_end.do(CREATE_ORGANIZATION, name="Engines", slug="engines")

    claims = await ada.claims(made["accessToken"])
    assert claims["exp"] == pytest.approx(ends.timestamp(), abs=0.001)


async def test_who_was_an_admin_makes_nobody_one_and_leaves_no_program_behind(ada: Person) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "ADMIN")
    client = (await bob.do(CREATE_CLIENT, organizationId=engines, name="A", scopes=["users:read"]))[
        "client"
    ]
    await ada.do(SET_ROLE, organizationId=engines, userId=str(bob.id), role="STUDENT")
    before = await published(ada.db)

    answers = [  # bob's token still says admin
        await bob.do(SET_ROLE, organizationId=engines, userId=str(bob.id), role="ADMIN"),
        await bob.do(CREATE_CLIENT, organizationId=engines, name="B", scopes=["users:read"]),
        await bob.do(REVOKE_CLIENT, clientId=client["id"]),
        await bob.do(INVITE, organizationId=engines, email="eve@example.com", role="ADMIN"),
    ]

    assert [answer["code"] for answer in answers] == ["FORBIDDEN"] * 4
    assert await count(ada.db, ApiClient) == 1
    assert await published(ada.db) == before


async def test_who_was_an_operator_locks_nobody_out(ada: Person, operator: Person) -> None:
    await ada.db.transact(set_operator, operator.email, is_operator=False)
    before = await published(ada.db)

    refused = await operator.do(DEACTIVATE, userId=str(ada.id))

    assert refused["code"] == "FORBIDDEN"
    assert await published(ada.db) == before


async def test_expired_sessions_are_forgotten_some_at_a_time(ada: Person) -> None:
    now = datetime.now(UTC)
    rows = [
        {"id": uuid4(), "user_id": ada.id, "token_hash": uuid4().bytes, "address": "192.0.2.1"}
        | {"last_used_at": now, "expires_at": now - timedelta(days=9)}
        for _ in range(2 * FORGOTTEN_AT_ONCE + 50)
    ]
    async with ada.db.begin() as session:
        await session.execute(insert(Session), rows)

    gone = [await ada.db.transact(forget_sessions, now, kept=timedelta(days=7)) for _ in range(4)]

    assert gone == [FORGOTTEN_AT_ONCE, FORGOTTEN_AT_ONCE, 50, 0]
    assert await ada.do(LOGOUT_EVERYWHERE) == {"__typename": "LogoutEverywhereSuccess"}


async def test_a_flood_of_newcomers_leaves_room_for_who_logs_in() -> None:
    passwords = Passwords(1)
    async with asyncio.TaskGroup() as group:
        flood = [group.create_task(passwords.hash(PASSWORD)) for _ in range(MAX_NEWCOMERS)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyAttemptsError):
            await passwords.hash(PASSWORD)
        assert not await passwords.verify(PASSWORD, None)
    assert len({task.result() for task in flood}) == MAX_NEWCOMERS


async def test_an_attempt_that_nobody_looked_at_is_none(ada: Person) -> None:
    passwords = Passwords(0)  # its queue is full and stays so
    waiting = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    busy = replace(ada, services=replace(ada.services, passwords=passwords))
    sent_away = [await busy.do(LOGIN, email=ada.email, password=PASSWORD) for _ in range(8)]
    for task in waiting:
        task.cancel()

    assert {answer["code"] for answer in sent_away} == {"TOO_MANY_ATTEMPTS"}
    wrong = [await ada.do(LOGIN, email=ada.email, password="wrong") for _ in range(4)]
    assert {answer["code"] for answer in wrong} == {"INVALID_CREDENTIALS"}
    await ada.log_in()
