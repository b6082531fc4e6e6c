"""The audit log end to end: what the API wrote, a command verifies, and no row changes unseen."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.stack import Stack
from tests.support.campus import Campus
from tests.support.intruder import database, operator, run

LOG = """query ($id: UUID!) { organization(id: $id) { auditLog(first: 50) { nodes {
  seq action subjectId fingerprint } } } }"""
CHANGES = (
    ("UPDATE audit_entries SET action = 'nothing' WHERE id = $1", "was changed"),
    ("DELETE FROM audit_entries WHERE id = $1", "is missing"),
)


@pytest.fixture
async def intruder(stack: Stack) -> AsyncIterator[Any]:
    """Somebody with the superuser's password: no trigger stops them."""
    async with database(stack, "users", admin=True) as connection:
        await connection.execute("SET session_replication_role = replica")
        yield connection


async def act(campus: Campus) -> str:
    """Do privileged things; returns the id of the organization."""
    owner, organization_id = await campus.instructor()
    member = await campus.person("Mel")
    invited = await owner.do(
        "inviteMember",
        "token",
        organizationId=organization_id,
        email=member.email,
        role="STUDENT",
    )
    await member.do("acceptInvitation", token=invited["token"])
    await owner.do(
        "setMemberRole",
        organizationId=organization_id,
        userId=member.user_id,
        role="INSTRUCTOR",
    )
    actions = [
        entry["action"]
        for entry in (await owner.ask(LOG, id=organization_id))["organization"]["auditLog"]["nodes"]
    ]
    assert actions[0] == "member.role_changed"
    assert actions[-1] == "organization.created"
    return organization_id


async def test_no_row_changes_unseen(campus: Campus, stack: Stack, intruder: Any) -> None:
    organization_id = await act(campus)
    row = await intruder.fetchrow(
        "SELECT * FROM audit_entries WHERE chain_id = $1 AND seq = 2", organization_id
    )
    for statement, reason in CHANGES:
        try:
            await intruder.execute(statement, row["id"])
            broken = run(stack, "subgraphs.users.audit", "verify")
        finally:  # the stack is shared: the row goes back
            await intruder.execute("DELETE FROM audit_entries WHERE id = $1", row["id"])
            await intruder.copy_records_to_table(
                "audit_entries", records=[tuple(row)], columns=list(row.keys())
            )
        assert broken.returncode == 1
        assert broken.stdout == f"Chain {organization_id}: entry 2 {reason}.\n"
    sound = run(stack, "subgraphs.users.audit", "verify")
    assert (sound.returncode, sound.stdout.endswith("as they were written.\n")) == (0, True)


async def test_what_operators_do_is_written_down(campus: Campus, stack: Stack) -> None:
    admin, person = await operator(stack, campus), await campus.person("Vera")
    assert (await person.do("deactivateUser", userId=admin.user_id))["code"] == "FORBIDDEN"
    await admin.do("deactivateUser", userId=person.user_id)
    async with database(stack, "users") as connection:
        written = await connection.fetch(
            "SELECT action FROM audit_entries WHERE actor_id = $1 AND subject_id = $2",
            admin.user_id,
            person.user_id,
        )
        refused = await connection.fetchval(
            "SELECT count(*) FROM audit_entries WHERE actor_id = $1", person.user_id
        )
    assert [row["action"] for row in written] == ["user.deactivated"]
    assert refused == 0


async def test_not_even_the_subgraph_itself_may_rewrite_the_log(
    campus: Campus, stack: Stack
) -> None:
    await act(campus)
    async with database(stack, "users") as connection:
        for statement in (
            "UPDATE audit_entries SET action = 'nothing'",
            "DELETE FROM audit_entries",
            "TRUNCATE audit_entries",
        ):
            with pytest.raises(Exception, match="only ever added to"):
                await connection.execute(statement)
