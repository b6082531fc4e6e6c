"""What a process says of itself: no secret, no flood, no forged line, one id through all."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.kernel import outbox, telemetry
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.events import Envelope
from subgraphs.kernel.inbox import Inbox
from subgraphs.kernel.tables import OUTBOX
from subgraphs.kernel.telemetry import MAX_LINE, MAX_TRACEBACK
from tests.kernel import shelf
from tests.kernel.doors import proven
from tests.kernel.sending import SHELF, send_all
from tests.kernel.servers import Issuer
from tests.kernel.talkative import CANARY, CORRELATION, SECRETS

ROOT = Path(__file__).parents[2]


async def said(what: str) -> list[bytes]:
    """Run `talkative` in a process of its own; return the lines that it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.kernel.talkative",
        what,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    return out.splitlines()


async def test_no_secret_reaches_the_log_of_any_logger() -> None:
    lines = await said("secrets")
    assert len(lines) == 2 * len(SECRETS) + 2
    assert [line for line in lines if CANARY.encode() in line] == []
    parsed = [orjson.loads(line) for line in lines]
    assert parsed[6]["variables"]["input"]["email"] == "a@example.org"
    assert ["RuntimeError" in line["exception"] for line in parsed[-2:]] == [True, True]


async def test_a_line_is_one_line_of_bounded_size() -> None:
    lines = await said("lines")
    parsed = [orjson.loads(line) for line in lines]
    assert [line["event"][:13] for line in parsed] == [
        "two\r\nlines",
        'x"}\r\n{"event"',
        "half ? a char",
        "A bad request",
        "A bad request",
        "A resolver fa",
    ]
    assert parsed[0]["agent"] == 'x"}\r\n{"event": "forged"}'
    assert [len(line) <= MAX_LINE for line in lines[:-1]] == [True] * 5
    assert len(lines[-1]) <= MAX_TRACEBACK
    assert parsed[3]["query"].startswith("{ a a a")
    assert (parsed[3]["level"], parsed[3]["process"]) == ("warning", "test")


async def test_every_line_of_a_handler_names_the_request_that_caused_it() -> None:
    parsed = [orjson.loads(line) for line in await said("ids")]
    assert [(line["logger"], line["event"], line.get("correlation_id")) for line in parsed] == [
        ("own", "outside", None),
        ("own", "inside", str(CORRELATION)),
        ("some.library", "inside", str(CORRELATION)),
    ]


Effects = Callable[[], Awaitable[list[Any]]]


@pytest.fixture
def effects(db: Database, bus: Bus) -> Effects:
    """Handle what was published, and publish more; return the ids that the handler ran under."""
    inbox, seen = Inbox("library"), list[Any]()

    @inbox.on(shelf.BookLent)
    async def answer(session: AsyncSession, _: shelf.BookLent, __: Envelope) -> None:
        ids = (telemetry.correlation_id, telemetry.causation_id, telemetry.actor_id)
        seen.append(tuple(id.get() for id in ids))
        row = await shelf.add_book(session, "A copy")
        await session.flush()
        outbox.publish(session, shelf.BookLentV2(book_id=row.id), of=row)

    async def handle() -> list[Any]:
        await send_all(db, bus)
        await bus.create_group(SHELF, inbox.group)
        await inbox.handle(await bus.fresh([SHELF], inbox.group), db, bus)
        return seen

    return handle


async def lend(door: httpx.AsyncClient, book: UUID, headers: dict[str, str]) -> None:
    asked = {"query": f'mutation {{ lend(id: "{book}") {{ __typename }} }}'}
    answer = await door.post("/graphql", json=asked, headers=headers)
    assert answer.json() == {"data": {"lend": {"__typename": "LendSuccess"}}}


async def published(db: Database) -> list[Any]:
    async with db.read() as session:
        return list((await session.execute(select(OUTBOX).order_by(OUTBOX.c.id))).all())


async def test_one_id_goes_from_the_request_to_the_last_event_that_it_causes(
    door: httpx.AsyncClient, db: Database, issuer: Issuer, effects: Effects, book: UUID
) -> None:
    correlation, user = uuid4(), uuid4()
    token = issuer.token(sub=str(user))
    headers = proven(authorization=f"Bearer {token}", correlation=str(correlation))
    await lend(door, book, headers)

    seen = await effects()

    first, second = await published(db)
    assert (first.correlation_id, first.causation_id, first.actor_id) == (correlation, None, user)
    assert seen == [(correlation, first.id, user)]
    assert (second.correlation_id, second.causation_id) == (correlation, first.id)
    assert telemetry.causation_id.get() is None


@pytest.mark.parametrize("given", ["", "not a uuid", "7" * 1_000])
async def test_a_malformed_correlation_id_is_none(
    door: httpx.AsyncClient, db: Database, issuer: Issuer, book: UUID, given: str
) -> None:
    headers = proven(authorization=f"Bearer {issuer.token()}", correlation=given)
    await lend(door, book, headers)
    assert [row.correlation_id for row in await published(db)] == [None]
