"""Tokens that were revoked, told by event to every process."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox
from subgraphs.kernel.auth import ANONYMOUS, Revocations, TokensRevoked, Viewer
from subgraphs.kernel.auth.revocations import KEPT, TOPIC
from subgraphs.kernel.background import background
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.events import Event
from subgraphs.kernel.relay import leadership, send_batch
from tests.kernel import shelf
from tests.kernel.conftest import until
from tests.kernel.doors import proven
from tests.kernel.servers import Issuer

NOW = datetime(2026, 5, 4, 3, 2, 1, 500_000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


async def revoke(
    db: Database,
    bus: Bus,
    user: UUID,
    *,
    session: UUID | None = None,
    before: datetime = NOW,
) -> None:
    """Publish a revocation, as users does, and send it."""
    event = TokensRevoked(user_id=user, session_id=session, issued_before=before)
    await publish(db, bus, event)


async def publish(db: Database, bus: Bus, event: Event) -> None:
    async def add(transaction: AsyncSession) -> None:
        row = await shelf.add_book(transaction)
        await transaction.flush()
        outbox.publish(transaction, event, of=row)

    await db.transact(add)
    async with leadership(db.engine, "test") as connection:
        assert await send_batch(connection, bus) == 1


def issued(user: UUID, at: datetime, *, session: UUID | None = None) -> Viewer:
    return Viewer(user_id=user, session_id=session, issued_at=at)


async def test_a_process_learns_at_its_start_what_was_revoked(db: Database, bus: Bus) -> None:
    user, other = uuid4(), uuid4()
    await revoke(db, bus, user)
    revocations = Revocations()

    await revocations.load(bus)

    assert revocations.revoked(issued(user, NOW - MILLISECOND))
    assert not revocations.revoked(issued(other, NOW - MILLISECOND))
    assert not revocations.revoked(ANONYMOUS)


async def test_the_next_login_holds_within_the_same_second(db: Database, bus: Bus) -> None:
    user = uuid4()
    await revoke(db, bus, user)
    revocations = Revocations()
    await revocations.load(bus)

    verdicts = [
        revocations.revoked(issued(user, NOW + offset))
        for offset in (-MILLISECOND, timedelta(0), MILLISECOND)
    ]

    assert verdicts == [True, True, False]


async def test_a_session_may_end_alone(db: Database, bus: Bus) -> None:
    user, ended, other = uuid4(), uuid4(), uuid4()
    await revoke(db, bus, user, session=ended)
    revocations = Revocations()
    await revocations.load(bus)

    assert revocations.revoked(issued(user, NOW - MILLISECOND, session=ended))
    assert not revocations.revoked(issued(user, NOW - MILLISECOND, session=other))


async def test_a_running_process_hears_of_it_and_tells_its_sockets(db: Database, bus: Bus) -> None:
    user, revocations, told = uuid4(), Revocations(), list[bool]()
    viewer = issued(user, NOW - MILLISECOND)
    unsubscribe = revocations.subscribe(lambda: told.append(revocations.revoked(viewer)))

    async def follow() -> None:
        revocations.apply(await bus.follow([TOPIC]))

    await bus.take_positions([TOPIC])
    async with background(follow):
        await revoke(db, bus, user)
        await until(partial(_told, told, 1))
        unsubscribe()
        await revoke(db, bus, uuid4())
        await revoke(db, bus, user, before=NOW + MILLISECOND)
        await until(partial(_revoked, revocations, issued(user, NOW + MILLISECOND)))

    assert told == [True]


async def _told(told: list[bool], times: int) -> bool:
    return len(told) == times


async def _revoked(revocations: Revocations, viewer: Viewer) -> bool:
    return revocations.revoked(viewer)


async def test_an_old_revocation_that_comes_again_takes_nothing_back(
    db: Database, bus: Bus
) -> None:
    user, revocations = uuid4(), Revocations()
    await revoke(db, bus, user)
    await revoke(db, bus, user, before=NOW - timedelta(minutes=5))

    await revocations.load(bus)

    assert revocations.revoked(issued(user, NOW - MILLISECOND))


async def test_a_viewer_whose_token_tells_no_time_is_revoked_with_the_rest(
    db: Database, bus: Bus
) -> None:
    user, revocations = uuid4(), Revocations()
    await revoke(db, bus, user)
    await revocations.load(bus)
    assert revocations.revoked(Viewer(user_id=user))


async def test_what_no_token_can_outlive_is_forgotten(db: Database, bus: Bus) -> None:
    revocations = Revocations()
    await revoke(db, bus, uuid4())
    await revocations.load(bus)
    kept = revocations.__dict__["_before"]
    kept.update({key: (before, 0.0) for key, (before, _) in kept.items()})  # time has passed

    await revoke(db, bus, late := uuid4())
    revocations.apply((await bus.since(TOPIC, KEPT * 1_000))[-1:])

    assert set(revocations.__dict__["_before"]) == {late}


class TokensRevokedByName(Event, type=TokensRevoked.type, version=2):
    """What this version cannot read."""

    name: str


@pytest.fixture
async def unreadable(db: Database, bus: Bus) -> tuple[UUID, UUID]:
    """Two who are revoked before and after a revocation that nobody here can read."""
    early, late = uuid4(), uuid4()
    await revoke(db, bus, early)
    await publish(db, bus, TokensRevokedByName(name="Ada"))
    await revoke(db, bus, late)
    return early, late


async def test_a_revocation_that_cannot_be_read_is_logged_and_takes_no_other_along(
    bus: Bus, unreadable: tuple[UUID, UUID]
) -> None:
    revocations, told = Revocations(), list[bool]()
    revocations.subscribe(lambda: told.append(True))
    entries = await bus.since(TOPIC, KEPT * 1_000)

    with structlog.testing.capture_logs() as logged:
        revocations.apply(entries)

    assert [revocations.revoked(issued(id, NOW)) for id in unreadable] == [True, True]
    assert told == [True]
    assert logged == [
        {
            "event": "A revocation cannot be read",
            "log_level": "error",
            "event_id": str(entries[1].envelope.id),
            "version": 2,
            "position": entries[1].position,
            "error": "ValidationError",
        }
    ]


async def test_a_revocation_that_cannot_be_read_keeps_no_process_from_starting(
    app: FastAPI, issuer: Issuer, unreadable: tuple[UUID, UUID]
) -> None:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shelf") as door,
    ):
        answers = []
        for user in (*unreadable, uuid4()):
            token = issuer.token(sub=str(user), iat=int(NOW.timestamp()) - 1)
            headers = proven(authorization=f"Bearer {token}")
            answers.append(
                await door.post("/graphql", json={"query": "{ caller }"}, headers=headers)
            )
    found = [answer.json().get("errors", [{}])[0].get("message") for answer in answers]
    assert found == ["This token has been revoked."] * 2 + [None]
