"""`python -m subgraphs events`: what an operator sees and does when events are stuck."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update

from subgraphs.kernel import events_cli
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.inbox import MAX_ATTEMPTS
from subgraphs.kernel.tables import INBOX_DEFERRED, OUTBOX
from tests.kernel import shelf
from tests.kernel.conftest import heard, lend, unsent
from tests.kernel.doors import NAME, make_settings
from tests.kernel.sending import SHELF, send_all

Run = Callable[..., Awaitable[list[list[str]]]]


@pytest.fixture
def run(
    shelf_url: str, valkey: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run one command line; return the columns of what it printed."""
    found = ModuleType("settings")
    settings = make_settings(database=shelf_url, valkey=valkey, jwks="http://127.0.0.1:1")
    vars(found)["Settings"] = lambda: settings
    monkeypatch.setitem(sys.modules, f"subgraphs.{NAME}.settings", found)
    parser = argparse.ArgumentParser()
    events_cli.add_command(parser.add_subparsers(dest="command"), [NAME])

    async def command(*words: str) -> list[list[str]]:
        capsys.readouterr()  # the log of what was done before
        assert await events_cli.run(parser.parse_args(["events", *words])) == 0
        return [line.split("\t") for line in capsys.readouterr().out.splitlines()]

    return command


async def give_up(db: Database, error: str = "no room") -> None:
    """Let the outbox have given up on all that it holds."""
    async with db.begin() as session:
        dead = {"dead_at": text("'2026-05-04T03:02:01Z'"), "attempts": 12, "error": error}
        await session.execute(update(OUTBOX).values(dead))


async def ids(db: Database) -> list[UUID]:
    async with db.read() as session:
        return list(await session.scalars(select(OUTBOX.c.id).order_by(OUTBOX.c.id)))


async def test_lag_counts_what_waits_and_what_was_given_up_on(
    run: Run, db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book, times=2)
    await send_all(db, bus)
    await lend(db, book, times=3)
    assert await run("lag") == [
        [NAME, "outbox", "3 waiting", "0 dead"],
        [NAME, "inbox", "0 waiting", "0 dead"],
    ]
    await give_up(db)
    assert (await run("lag", NAME))[0] == [NAME, "outbox", "0 waiting", "5 dead"]


async def test_a_dead_letter_is_one_line_with_its_reason(
    run: Run, db: Database, book: UUID
) -> None:
    await lend(db, book)
    await give_up(db, error="ResponseError:\n\ttwo lines")
    [id] = await ids(db)
    assert await run("dead") == [
        [
            NAME,
            "outbox",
            str(id),
            "shelf.book_lent",
            "12 attempts",
            "2026-05-04T03:02:01Z",
            "ResponseError: two lines",
        ]
    ]


async def test_what_was_given_up_on_is_sent_after_a_replay(
    run: Run, db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book, times=2)
    await give_up(db)
    await send_all(db, bus)
    assert await bus.since(SHELF, 60_000) == []

    assert await run("replay") == [
        [NAME, "outbox", "2 put back"],
        [NAME, "inbox", "0 put back"],
    ]

    await send_all(db, bus)
    sent = await bus.since(SHELF, 60_000)
    assert [entry.envelope.aggregate_seq for entry in sent] == [1, 2]
    assert await unsent(db) == 0


async def test_one_event_may_be_replayed_alone(run: Run, db: Database, book: UUID) -> None:
    await lend(db, book, times=2)
    await give_up(db)
    _, second = await ids(db)
    replayed = await run("replay", NAME, "--id", str(second))
    assert replayed[0] == [NAME, "outbox", "1 put back"]
    assert (await run("replay", "--id", str(uuid4())))[0] == [NAME, "outbox", "0 put back"]
    assert (await run("lag"))[0] == [NAME, "outbox", "1 waiting", "1 dead"]


async def test_a_dead_letter_of_the_inbox_takes_effect_after_its_repair(
    run: Run, db: Database, bus: Bus, book: UUID
) -> None:
    await lend(db, book)
    await send_all(db, bus)
    broken, repaired = shelf.make_inbox(poison={1}), shelf.make_inbox()
    await bus.create_group(SHELF, broken.group)
    await broken.handle(await bus.fresh([SHELF], broken.group), db, bus)
    async with db.begin() as session:
        dead = {"dead_at": text("now()"), "attempts": MAX_ATTEMPTS}
        await session.execute(update(INBOX_DEFERRED).values(dead))
    [letter] = await run("dead")
    assert letter[-1] == "RuntimeError: this one is poisonous"

    assert await run("replay") == [
        [NAME, "outbox", "0 put back"],
        [NAME, "inbox", "1 put back"],
    ]
    await repaired.retry(db)

    assert await heard(db) == [(book, 1)]
    assert (await run("lag"))[1] == [NAME, "inbox", "0 waiting", "0 dead"]


@pytest.mark.parametrize(
    "words", [["replay", "--id", "not an id"], ["lag", "nothing"], ["forget"], []]
)
async def test_a_wrong_command_line_says_what_is_wrong(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        await run(*words)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
