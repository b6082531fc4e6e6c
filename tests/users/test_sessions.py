"""Sessions: refreshed in turn, ended in one place or everywhere, and never shared with a thief."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from subgraphs.kernel.auth import Revocations, TokensRevoked
from subgraphs.kernel.bus import Entry
from subgraphs.kernel.db import Database
from subgraphs.kernel.events import Envelope
from subgraphs.kernel.tables import OUTBOX
from subgraphs.users.models import AuditEntry, Session, SpentToken
from tests.users.people import ERROR, LOGIN, PASSWORD, Person, published

REFRESH = f"""mutation ($input: RefreshSessionInput!) {{ refreshSession(input: $input) {{
  __typename ... on RefreshSessionSuccess {{ user {{ id email }} accessToken refreshToken }}
  {ERROR} }} }}"""
LOGOUT = f"""mutation ($input: LogoutInput!) {{ logout(input: $input) {{ __typename
  ... on LogoutSuccess {{ sessionId }} {ERROR} }} }}"""
EVERYWHERE = f"""mutation {{ logoutEverywhere {{ __typename
  ... on LogoutEverywhereSuccess {{ sessionCount }} {ERROR} }} }}"""
CHANGE = f"""mutation ($input: ChangePasswordInput!) {{ changePassword(input: $input) {{ __typename
  ... on ChangePasswordSuccess {{ user {{ id }} }} {ERROR} }} }}"""
SESSIONS = "{ viewer { sessions { id device address isCurrent } } }"
NEW = "an entirely different staple"


async def refresh(person: Person, token: str) -> Any:
    return await person.do(REFRESH, refreshToken=token)


async def pass_time(db: Database, **by: float) -> None:
    """Let what was done look as if it had been done earlier."""
    async with db.begin() as session:
        await session.execute(
            update(SpentToken).values(spent_at=SpentToken.spent_at - timedelta(**by))
        )
        await session.execute(
            update(Session).values(
                expires_at=Session.expires_at - timedelta(**by),
                last_used_at=Session.last_used_at - timedelta(**by),
            )
        )


async def is_revoked(person: Person) -> bool:
    """Tell whether other processes refuse the person's access token, once they have heard."""
    async with person.db.read() as session:
        rows = await session.scalars(select(OUTBOX.c.data).where(OUTBOX.c.topic == "auth"))
        told = [TokensRevoked.model_validate_json(data) for data in rows]
    known = Revocations()
    known.apply([_entry(event) for event in told])
    claims = await person.claims(person.tokens["accessToken"])
    issued = datetime.fromtimestamp(claims["iat"], UTC)
    return known.revoked(replace(person.viewer, issued_at=issued))


def _entry(event: TokensRevoked) -> Entry:
    envelope = Envelope(
        id=uuid4(),
        type=event.type,
        version=event.version,
        aggregate_id=event.user_id,
        aggregate_seq=1,
        occurred_at=event.issued_before,
        data=event.model_dump(mode="json", by_alias=True),
    )
    return Entry(event.topic, "0-1", "", envelope, "")


async def test_a_refresh_gives_new_tokens_in_three_statements(
    ada: Person, statements: list[str]
) -> None:
    statements.clear()
    answer = await refresh(ada, ada.tokens["refreshToken"])
    assert [text.split()[0] for text in statements] == ["INSERT", "UPDATE", "SELECT"]
    assert answer["user"] == {"id": str(ada.id), "email": ada.email}
    assert answer["refreshToken"] != ada.tokens["refreshToken"]
    again = await ada.become(answer, ada.email)
    assert again.viewer.session_id == ada.viewer.session_id


async def test_the_whole_chain_of_tokens_works_once_each(ada: Person, db: Database) -> None:
    token = ada.tokens["refreshToken"]
    for _ in range(5):
        token = (await refresh(ada, token))["refreshToken"]
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(SpentToken)) == 5
        assert await session.scalar(select(func.count()).select_from(Session)) == 1


async def test_two_tabs_that_refresh_at_once_get_the_same_successor(ada: Person) -> None:
    answers = await asyncio.gather(*(refresh(ada, ada.tokens["refreshToken"]) for _ in range(6)))
    assert len({answer["refreshToken"] for answer in answers}) == 1
    assert await published(ada.db) == ["users.user_registered"]
    assert (await refresh(ada, answers[0]["refreshToken"]))["__typename"] == "RefreshSessionSuccess"


async def test_a_token_reused_after_the_grace_ends_the_family_and_is_told(
    ada: Person, db: Database
) -> None:
    stolen = ada.tokens["refreshToken"]
    newest = (await refresh(ada, stolen))["refreshToken"]
    await pass_time(db, seconds=11)

    assert (await refresh(ada, stolen))["code"] == "REFRESH_TOKEN_REUSED"

    assert (await refresh(ada, newest))["code"] == "INVALID_REFRESH_TOKEN"
    assert (await refresh(ada, stolen))["code"] == "INVALID_REFRESH_TOKEN"
    assert await is_revoked(ada)
    assert (await published(db))[1:] == ["auth.tokens_revoked", "users.refresh_reused"]
    async with db.read() as session:
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert actions == ["session.refresh_reused"]


async def test_a_token_older_than_the_predecessor_has_no_grace(ada: Person) -> None:
    first = ada.tokens["refreshToken"]
    second = (await refresh(ada, first))["refreshToken"]
    await refresh(ada, second)
    assert (await refresh(ada, first))["code"] == "REFRESH_TOKEN_REUSED"


async def test_reuse_ends_one_family_and_no_other_session(ada: Person, db: Database) -> None:
    phone = await ada.log_in(device="phone")
    await refresh(ada, ada.tokens["refreshToken"])
    await pass_time(db, seconds=11)
    await refresh(ada, ada.tokens["refreshToken"])
    assert not await is_revoked(phone)
    assert (await refresh(phone, phone.tokens["refreshToken"]))["user"]["id"] == str(ada.id)


@pytest.mark.parametrize("token", ["", "nonsense", "\ud800", "A" * 43, "x" * 10_000])
async def test_an_unknown_token_is_refused(ada: Person, token: str) -> None:
    assert (await refresh(ada, token))["code"] == "INVALID_REFRESH_TOKEN"
    assert await published(ada.db) == ["users.user_registered"]


async def test_a_session_ends_when_it_is_not_used_for_a_month(ada: Person, db: Database) -> None:
    await pass_time(db, days=30)
    refused = await refresh(ada, ada.tokens["refreshToken"])
    assert refused["code"] == "INVALID_REFRESH_TOKEN"


async def test_a_busy_session_ends_after_ninety_days(ada: Person, db: Database) -> None:
    async with db.begin() as session:
        began = datetime.now(UTC) - timedelta(days=89)
        await session.execute(update(Session).values(created_at=began))
    await refresh(ada, ada.tokens["refreshToken"])
    async with db.read() as session:
        assert await session.scalar(select(Session.expires_at)) == began + timedelta(days=90)


async def test_a_person_sees_their_sessions_and_nobody_elses(ada: Person) -> None:
    phone = await ada.at("203.0.113.5").log_in(device="Ada's phone")
    bob = await ada.register("Bob")
    seen = (await phone.ask(SESSIONS))["viewer"]["sessions"]
    assert seen == [
        {
            "id": str(phone.viewer.session_id),
            "device": "Ada's phone",
            "address": "203.0.113.5",
            "isCurrent": True,
        },
        {
            "id": str(ada.viewer.session_id),
            "device": None,
            "address": "192.0.2.1",
            "isCurrent": False,
        },
    ]
    others = await bob.ask(f'{{ user(id: "{ada.id}") {{ sessions {{ id }} }} }}')
    assert others == {"user": {"sessions": None}}


async def test_logging_out_ends_this_session_and_its_tokens(ada: Person) -> None:
    phone = await ada.log_in()
    answer = await ada.do(LOGOUT, refreshToken=None)
    assert answer["sessionId"] == str(ada.viewer.session_id)
    assert await is_revoked(ada)
    assert not await is_revoked(phone)
    refused = await refresh(ada, ada.tokens["refreshToken"])
    assert refused["code"] == "INVALID_REFRESH_TOKEN"


async def test_a_refresh_token_logs_out_without_an_access_token(
    ada: Person, visitor: Person
) -> None:
    answer = await visitor.do(LOGOUT, refreshToken=ada.tokens["refreshToken"])
    assert answer["sessionId"] == str(ada.viewer.session_id)
    assert await is_revoked(ada)
    again = await visitor.do(LOGOUT, refreshToken="unknown")
    assert again == {"__typename": "LogoutSuccess", "sessionId": None}


async def test_a_lost_telephone_is_logged_out_from_elsewhere(ada: Person) -> None:
    phone = await ada.log_in(device="phone")
    await ada.do(LOGOUT, sessionId=str(phone.viewer.session_id))
    assert await is_revoked(phone)
    assert not await is_revoked(ada)


async def test_nobody_ends_the_session_of_another(ada: Person, visitor: Person) -> None:
    bob = await ada.register("Bob")
    before = await published(ada.db)
    for id in (ada.viewer.session_id, uuid4()):
        assert (await bob.do(LOGOUT, sessionId=str(id)))["code"] == "SESSION_NOT_FOUND"
    refused = await visitor.do(LOGOUT, sessionId=str(ada.viewer.session_id))
    assert refused["code"] == "UNAUTHENTICATED"
    assert await published(ada.db) == before


async def test_logging_out_everywhere_ends_every_session_and_token(ada: Person) -> None:
    phone = await ada.log_in()
    bob = await ada.register("Bob")
    assert (await ada.do(EVERYWHERE))["sessionCount"] == 2
    assert [await is_revoked(person) for person in (ada, phone, bob)] == [True, True, False]
    for person in (ada, phone):
        refused = await refresh(person, person.tokens["refreshToken"])
        assert refused["code"] == "INVALID_REFRESH_TOKEN"
    assert not await is_revoked(await ada.log_in())


async def test_logging_out_everywhere_needs_someone(visitor: Person, db: Database) -> None:
    assert (await visitor.do(EVERYWHERE))["code"] == "UNAUTHENTICATED"
    assert await published(db) == []


async def test_a_new_password_ends_all_other_sessions(ada: Person) -> None:
    thief = await ada.log_in()
    answer = await ada.do(CHANGE, currentPassword=PASSWORD, newPassword=NEW)
    assert answer["__typename"] == "ChangePasswordSuccess"

    assert (await refresh(thief, thief.tokens["refreshToken"]))["code"] == "INVALID_REFRESH_TOKEN"
    assert await is_revoked(thief)
    assert not await is_revoked(ada)
    assert (await refresh(ada, ada.tokens["refreshToken"]))["user"]["id"] == str(ada.id)
    old = await ada.do(LOGIN, email=ada.email, password=PASSWORD)
    assert old["code"] == "INVALID_CREDENTIALS"
    assert (await ada.log_in(password=NEW)).id == ada.id


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        ("not the password", NEW, "WRONG_PASSWORD"),
        (PASSWORD, "password123", "WEAK_PASSWORD"),
        (PASSWORD, "x7#kdPq2!vLm" * 11, "WEAK_PASSWORD"),
    ],
)
async def test_a_password_is_not_changed_to_a_weak_one_or_without_the_old_one(
    ada: Person, current: str, new: str, code: str
) -> None:
    phone = await ada.log_in()
    before = await published(ada.db)
    assert (await ada.do(CHANGE, currentPassword=current, newPassword=new))["code"] == code
    assert await published(ada.db) == before
    assert (await refresh(phone, phone.tokens["refreshToken"]))["user"]["id"] == str(ada.id)


async def test_guessing_the_current_password_is_slowed_down(ada: Person) -> None:
    codes = [
        (await ada.do(CHANGE, currentPassword="guess", newPassword=NEW))["code"] for _ in range(7)
    ]
    assert codes == ["WRONG_PASSWORD"] * 6 + ["TOO_MANY_ATTEMPTS"]


async def test_refreshing_and_logging_out_everywhere_at_once_leave_no_live_session(
    ada: Person, db: Database
) -> None:
    for _ in range(5):
        person = await ada.log_in()
        answers = await asyncio.gather(
            refresh(person, person.tokens["refreshToken"]), person.do(EVERYWHERE)
        )
        if answers[0]["__typename"] == "RefreshSessionSuccess":
            assert await is_revoked(await person.become(answers[0], ada.email))
        async with db.read() as session:
            open_ones = select(func.count()).where(Session.ended_at.is_(None))
            assert await session.scalar(open_ones) == 0
