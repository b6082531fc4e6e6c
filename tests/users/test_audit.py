"""The audit log: a chain in which no change goes unnoticed."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import task_success
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from subgraphs.kernel import worker as kernel
from subgraphs.kernel.db import Database
from subgraphs.users.models import PLATFORM, AuditEntry, AuditHead, AuditSeal
from subgraphs.users.service import audit
from subgraphs.users.service.audit import Flaw
from subgraphs.users.worker import create_worker
from tests.users.people import ERROR, Person, published
from tests.users.test_organizations import SET_ROLE

DEACTIVATE = f"""mutation ($input: DeactivateUserInput!) {{ deactivateUser(input: $input) {{
  __typename ... on DeactivateUserSuccess {{ user {{ isActive }} }} {ERROR} }} }}"""
REACTIVATE = f"""mutation ($input: ReactivateUserInput!) {{ reactivateUser(input: $input) {{
  __typename ... on ReactivateUserSuccess {{ user {{ isActive }} }} {ERROR} }} }}"""
LOG = """query ($id: UUID!) { organization(id: $id) { auditLog { nodes {
  seq action actorId actor { name } subjectId details fingerprint } } } }"""
Environment = Callable[..., dict[str, str]]


@asynccontextmanager
async def intruder(dsn: str) -> AsyncIterator[Any]:
    """Someone with the superuser's password: no trigger stops them."""
    connection = await asyncpg.connect(dsn)  # type: ignore[no-untyped-call]
    try:
        await connection.execute("SET session_replication_role = replica")
        yield connection
    finally:
        await connection.close()


async def rewrite(
    db: Database, dsn: str, chain_id: UUID, change: Callable[[AuditEntry], object]
) -> None:
    """Change entries of a chain and hash all of it anew, so that it is sound in itself."""
    async with db.read() as session:
        query = select(AuditEntry).where(AuditEntry.chain_id == chain_id)
        rows = (await session.scalars(query.order_by(AuditEntry.seq))).all()
    last = b""
    async with intruder(dsn) as connection:
        for row in rows:
            change(row)
            row.previous = last
            last = row.hash = audit.digest(row)
            await connection.execute(
                "UPDATE audit_entries SET at = $2, action = $3, previous = $4, hash = $5"
                " WHERE id = $1",
                row.id,
                row.at,
                row.action,
                row.previous,
                row.hash,
            )
        await connection.execute(
            "UPDATE audit_heads SET hash = $2 WHERE chain_id = $1", chain_id, last
        )


async def verify(db: Database) -> tuple[int, list[Flaw]]:
    async with db.begin() as session:
        return await audit.verify(session)


async def busy(ada: Person) -> tuple[Person, UUID, Person]:
    """Do six things that are written down in one chain."""
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "STUDENT")
    for role in ("INSTRUCTOR", "ADMIN", "STUDENT"):
        await ada.do(SET_ROLE, organizationId=engines, userId=str(bob.id), role=role)
    return ada, UUID(engines), bob


async def test_admins_read_what_was_done_by_whom_to_whom(ada: Person) -> None:
    ada, engines, bob = await busy(ada)
    newest, *_, oldest = (await ada.ask(LOG, id=str(engines)))["organization"]["auditLog"]["nodes"]
    assert newest == {
        "seq": 6,
        "action": "member.role_changed",
        "actorId": str(ada.id),
        "actor": {"name": "Ada"},
        "subjectId": str(bob.id),
        "details": {"before": "admin", "after": "student"},
        "fingerprint": newest["fingerprint"],
    }
    assert len(newest["fingerprint"]) == 64
    assert (oldest["seq"], oldest["action"]) == (1, "organization.created")
    assert await verify(ada.db) == (6, [])


async def test_what_was_refused_is_not_written_down(ada: Person, db: Database) -> None:
    ada, engines = await ada.found()
    await ada.do(SET_ROLE, organizationId=engines, userId=str(ada.id), role=None)
    assert (await verify(db))[0] == 1


async def test_the_log_is_only_ever_added_to(ada: Person, db: Database) -> None:
    await ada.found()
    for statement in (
        "UPDATE audit_entries SET action = 'nothing'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
    ):
        with pytest.raises(DBAPIError, match="only ever added to"):
            async with db.begin() as session:
                await session.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "seq", "reason"),
    [
        ("UPDATE audit_entries SET action = 'nothing' WHERE seq = 3", 3, "was changed"),
        ("UPDATE audit_entries SET actor_id = subject_id WHERE seq = 4", 4, "was changed"),
        ("UPDATE audit_entries SET details = '{}' WHERE seq = 5", 5, "was changed"),
        ("UPDATE audit_entries SET at = at - interval '1 day' WHERE seq = 2", 2, "was changed"),
        ("DELETE FROM audit_entries WHERE seq = 2", 2, "is missing"),
        ("DELETE FROM audit_entries WHERE seq = 6", 6, "is missing"),
        ("DELETE FROM audit_entries", 1, "is missing"),
        ("DELETE FROM audit_heads", 6, "is not the end that the chain remembers"),
        (
            "UPDATE audit_entries SET seq = 90 WHERE seq = 4;"
            "UPDATE audit_entries SET seq = 4 WHERE seq = 5;"
            "UPDATE audit_entries SET seq = 5 WHERE seq = 90",
            4,
            "does not follow from the one before it",
        ),
    ],
)
async def test_a_changed_removed_or_moved_entry_is_found(
    ada: Person, admin_dsn: str, statement: str, seq: int, reason: str
) -> None:
    _, engines, _ = await busy(ada)
    async with intruder(admin_dsn) as connection:
        await connection.execute(statement)
    _, flaws = await verify(ada.db)
    assert flaws == [Flaw(engines, seq, reason)]


async def test_a_chain_that_was_written_anew_differs_from_its_seal(
    ada: Person, admin_dsn: str
) -> None:
    _, engines, _ = await busy(ada)
    await ada.db.transact(audit.seal_day, datetime.now(UTC).date())
    assert await verify(ada.db) == (6, [])
    await rewrite(ada.db, admin_dsn, engines, lambda row: setattr(row, "action", "nothing"))
    flaw = Flaw(engines, 6, "differs from the seal of its day")
    assert (await verify(ada.db))[1] == [flaw]


async def test_many_at_once_leave_one_chain_without_a_gap(ada: Person, db: Database) -> None:
    ada, engines = await ada.found()
    others = [await ada.invite(engines, await ada.register("Bob"), "STUDENT") for _ in range(4)]
    await asyncio.gather(
        *(
            ada.do(SET_ROLE, organizationId=engines, userId=str(other.id), role="INSTRUCTOR")
            for other in others
        )
    )
    assert await verify(db) == (13, [])


async def test_operators_lock_out_and_let_in_and_it_is_written_down(
    ada: Person, operator: Person, db: Database
) -> None:
    for _ in range(2):  # the second time changes nothing
        assert (await operator.do(DEACTIVATE, userId=str(ada.id)))["user"] == {"isActive": False}
    assert await ada.ask(f'{{ user(id: "{ada.id}") {{ name }} }}') == {"user": None}
    for _ in range(2):
        assert (await operator.do(REACTIVATE, userId=str(ada.id)))["user"] == {"isActive": True}
    assert (await ada.log_in()).id == ada.id
    told = await published(db)
    assert told[-3:] == [
        "users.user_deactivated",
        "auth.tokens_revoked",
        "users.user_reactivated",
    ]
    async with db.read() as session:
        query = select(AuditEntry.action).where(AuditEntry.chain_id == PLATFORM)
        actions = (await session.scalars(query.order_by(AuditEntry.seq))).all()
    assert actions == ["operator.granted", "user.deactivated", "user.reactivated"]


async def test_nobody_else_locks_anyone_out(ada: Person, operator: Person) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "STUDENT")
    before = await published(ada.db)
    assert (await ada.do(DEACTIVATE, userId=str(bob.id)))["code"] == "FORBIDDEN"
    assert (await operator.do(DEACTIVATE, userId=str(operator.id)))["code"] == "FORBIDDEN"
    missing = await operator.do(DEACTIVATE, userId=engines)
    assert missing["code"] == "USER_NOT_FOUND"
    assert await published(ada.db) == before


async def test_the_command_line_tells_whether_the_log_is_whole(
    ada: Person, admin_dsn: str, environment: Environment
) -> None:
    _, engines, _ = await busy(ada)
    command = [sys.executable, "-m", "subgraphs.users.audit", "verify"]
    variables = environment()

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603, ourselves
            command, env=variables, capture_output=True, text=True, check=False
        )

    whole = await asyncio.to_thread(run)
    assert (whole.returncode, whole.stdout) == (0, "6 entries, as they were written.\n")
    async with intruder(admin_dsn) as connection:
        await connection.execute("DELETE FROM audit_entries WHERE seq = 2")
    broken = await asyncio.to_thread(run)
    assert (broken.returncode, broken.stdout) == (1, f"Chain {engines}: entry 2 is missing.\n")


async def test_a_day_that_was_missed_is_sealed_later(ada: Person, db: Database) -> None:
    await ada.found()
    today = datetime.now(UTC).date()
    async with db.read() as session:
        assert await audit.unsealed_days(session, today) == []
        later = await audit.unsealed_days(session, today + timedelta(days=3))
    assert later == [today + timedelta(days=number) for number in range(3)]


async def test_a_real_celery_worker_seals_a_day_once(
    ada: Person, admin_dsn: str, environment: Environment
) -> None:
    _, engines, _ = await busy(ada)
    day = timedelta(days=1)
    await rewrite(ada.db, admin_dsn, engines, lambda row: setattr(row, "at", row.at - day))
    environment()
    celery = kernel.create_celery([create_worker()])

    await asyncio.to_thread(_run_twice, celery, "users.roll_over_audit")

    async with ada.db.read() as session:
        seals = (await session.scalars(select(AuditSeal))).all()
        head = (await session.scalars(select(AuditHead))).one()
    yesterday = (datetime.now(UTC) - day).date()
    assert [(seal.chain_id, seal.day, seal.entries, seal.hash) for seal in seals] == [
        (engines, yesterday.isoformat(), 6, head.hash)
    ]
    assert await ada.db.transact(audit.seal_day, yesterday) == 0
    assert await verify(ada.db) == (6, [])


def _run_twice(celery: Celery, task: str) -> None:
    """Send a task twice to a worker of its own, and wait until both are done."""
    done = threading.Semaphore(0)

    def note(**_: object) -> None:
        done.release()

    task_success.connect(note)
    try:
        with start_worker(celery, pool="threads", concurrency=2, perform_ping_check=False):
            for _ in range(2):
                celery.send_task(task)
            for _ in range(2):
                assert done.acquire(timeout=30)
    finally:
        task_success.disconnect(note)
