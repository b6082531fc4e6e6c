"""Organizations: founded, joined by invitation, and never without an admin."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from subgraphs.kernel.db import Database
from subgraphs.users.models import MAX_MEMBERSHIPS, Invitation, Membership, Organization
from tests.users.people import ACCEPT, CREATE_ORGANIZATION, ERROR, INVITE, Person, published
from tests.users.test_sessions import is_revoked

SET_ROLE = f"""mutation ($input: SetMemberRoleInput!) {{ setMemberRole(input: $input) {{ __typename
  ... on SetMemberRoleSuccess {{ role user {{ id }} }} {ERROR} }} }}"""
ORGANIZATION = """query ($id: UUID, $slug: String) { organization(id: $id, slug: $slug) { slug
  members { totalCount nodes { role user { name } } } invitations { nodes { email role } }
  apiClients { nodes { name } } auditLog { nodes { action } } } }"""


async def members(db: Database) -> int | None:
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(Membership))


async def test_a_founder_is_the_first_admin_at_once(ada: Person) -> None:
    made = await ada.do(CREATE_ORGANIZATION, name="Engines", slug="engines")
    assert made["organization"]["members"]["nodes"] == [{"role": "ADMIN", "user": {"name": "Ada"}}]
    founder = await ada.read(made["accessToken"])
    assert [str(id) for id in founder.roles] == [made["organization"]["id"]]
    assert set(founder.roles.values()) == {"admin"}
    assert founder.session_id == ada.viewer.session_id
    assert (await published(ada.db))[1:] == [
        "users.organization_created",
        "users.membership_changed",
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"slug": "engines"}, "SLUG_TAKEN"),
        ({"slug": "No Slug"}, "INVALID_INPUT"),
        ({"slug": "--"}, "INVALID_INPUT"),
        ({"slug": "x" * 61}, "INVALID_INPUT"),
        ({"name": " "}, "INVALID_INPUT"),
    ],
)
async def test_an_organization_needs_a_name_and_a_slug_of_its_own(
    ada: Person, changes: dict[str, str], code: str
) -> None:
    await ada.found("engines")
    before = await published(ada.db)
    refused = await ada.do(CREATE_ORGANIZATION, **{"name": "Other", "slug": "other", **changes})
    assert refused["code"] == code
    assert await published(ada.db) == before
    assert await members(ada.db) == 1


async def test_roles_stay_few_enough_for_a_token(ada: Person) -> None:
    async with ada.db.begin() as session:
        rows = [Organization(name="O", slug=f"org-{n}") for n in range(MAX_MEMBERSHIPS)]
        session.add_all(rows)
        await session.flush()
        session.add_all(
            Membership(organization_id=row.id, user_id=ada.id, role="STUDENT") for row in rows
        )
    refused = await ada.do(CREATE_ORGANIZATION, name="One more", slug="one-more")
    assert refused["code"] == "TOO_MANY_MEMBERSHIPS"
    token = (await ada.log_in()).tokens["accessToken"]
    assert len(token) < 4_096


async def test_an_invitation_is_accepted_once_by_the_owner_of_the_address(ada: Person) -> None:
    ada, engines = await ada.found()
    bob, eve = await ada.register("Bob"), await ada.register("Eve")
    token = (await ada.do(INVITE, organizationId=engines, email=bob.email, role="INSTRUCTOR"))[
        "token"
    ]
    assert (await eve.do(ACCEPT, token=token))["code"] == "INVITATION_NOT_FOUND"

    joined = await bob.do(ACCEPT, token=token)

    assert joined["membership"] == {
        "role": "INSTRUCTOR",
        "organization": {"name": "Analytical Engines"},
    }
    assert set((await bob.read(joined["accessToken"])).roles.values()) == {"instructor"}
    assert (await bob.do(ACCEPT, token=token))["code"] == "INVITATION_NOT_FOUND"
    assert await members(ada.db) == 2
    assert (await published(ada.db))[-1] == "users.membership_changed"


async def test_an_invitation_is_void_after_a_week_and_unknown_without_its_token(
    ada: Person, visitor: Person
) -> None:
    ada, engines = await ada.found()
    bob = await ada.register("Bob")
    token = (await ada.do(INVITE, organizationId=engines, email=bob.email, role="STUDENT"))["token"]
    assert (await visitor.do(ACCEPT, token=token))["code"] == "UNAUTHENTICATED"
    async with ada.db.begin() as session:
        await session.execute(update(Invitation).values(expires_at=datetime.now(UTC)))
    for attempt in (token, "", "\ud800", "x" * 5_000):
        assert (await bob.do(ACCEPT, token=attempt))["code"] == "INVITATION_NOT_FOUND"
    assert await members(ada.db) == 1


async def test_a_member_does_not_join_twice(ada: Person) -> None:
    ada, engines = await ada.found()
    token = (await ada.do(INVITE, organizationId=engines, email=ada.email, role="STUDENT"))["token"]
    assert (await ada.do(ACCEPT, token=token))["code"] == "ALREADY_MEMBER"


@pytest.mark.parametrize("role", ["STUDENT", "INSTRUCTOR"])
async def test_only_admins_invite_and_set_roles(ada: Person, role: str) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), role)
    eve, _ = await (await ada.register("Eve")).found("elsewhere")
    before = await published(ada.db)
    for person in (bob, eve):
        invited = await person.do(
            INVITE, organizationId=engines, email="x@example.com", role="ADMIN"
        )
        changed = await person.do(
            SET_ROLE, organizationId=engines, userId=str(bob.id), role="ADMIN"
        )
        assert (invited["code"], changed["code"]) == ("FORBIDDEN", "FORBIDDEN")
    assert await published(ada.db) == before


async def test_a_changed_role_ends_the_tokens_that_name_the_old_one(ada: Person) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "ADMIN")
    changed = await ada.do(SET_ROLE, organizationId=engines, userId=str(bob.id), role="STUDENT")
    assert changed["role"] == "STUDENT"
    assert await is_revoked(bob)
    assert not await is_revoked(ada)
    assert (await published(ada.db))[-2:] == ["users.membership_changed", "auth.tokens_revoked"]
    again = await bob.log_in()
    assert set(again.viewer.roles.values()) == {"student"}
    assert not await is_revoked(again)


async def test_a_removed_member_has_no_role_left(ada: Person) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "STUDENT")
    await ada.do(SET_ROLE, organizationId=engines, userId=str(bob.id), role=None)
    assert (await bob.log_in()).viewer.roles == {}
    gone = await ada.do(SET_ROLE, organizationId=engines, userId=str(bob.id), role="STUDENT")
    assert gone["code"] == "MEMBER_NOT_FOUND"


@pytest.mark.parametrize("role", ["STUDENT", "INSTRUCTOR", None])
async def test_the_last_admin_stays(ada: Person, role: str | None) -> None:
    ada, engines = await ada.found()
    await ada.invite(engines, await ada.register("Bob"), "INSTRUCTOR")
    before = await published(ada.db)
    refused = await ada.do(SET_ROLE, organizationId=engines, userId=str(ada.id), role=role)
    assert refused["code"] == "LAST_ADMIN"
    assert await published(ada.db) == before
    assert await members(ada.db) == 2


async def test_two_admins_who_demote_each_other_at_once_leave_one(ada: Person) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "ADMIN")
    answers = await asyncio.gather(
        ada.do(SET_ROLE, organizationId=engines, userId=str(bob.id), role="STUDENT"),
        bob.do(SET_ROLE, organizationId=engines, userId=str(ada.id), role="STUDENT"),
    )
    kinds = sorted(answer["__typename"] for answer in answers)
    assert kinds == ["ForbiddenError", "SetMemberRoleSuccess"]  # the slower one is none any more


async def test_setting_the_same_role_changes_nothing(ada: Person) -> None:
    ada, engines = await ada.found()
    before = await published(ada.db)
    same = await ada.do(SET_ROLE, organizationId=engines, userId=str(ada.id), role="ADMIN")
    assert same["__typename"] == "SetMemberRoleSuccess"
    assert await published(ada.db) == before


async def test_an_operator_may_do_what_admins_do(ada: Person, operator: Person) -> None:
    _, engines = await ada.found()
    bob = await operator.invite(engines, await ada.register("Bob"), "ADMIN")
    changed = await operator.do(
        SET_ROLE, organizationId=engines, userId=str(ada.id), role="STUDENT"
    )
    assert changed["role"] == "STUDENT"
    missing = await operator.do(INVITE, organizationId=str(uuid4()), email=bob.email, role="ADMIN")
    assert missing["code"] == "ORGANIZATION_NOT_FOUND"


async def test_the_name_is_public_and_the_rest_is_for_admins(ada: Person, visitor: Person) -> None:
    ada, engines = await ada.found()
    bob = await ada.invite(engines, await ada.register("Bob"), "STUDENT")
    await ada.do(INVITE, organizationId=engines, email="new@example.com", role="STUDENT")

    assert (await ada.ask(ORGANIZATION, id=engines))["organization"] == {
        "slug": "analytical-engines",
        "members": {
            "totalCount": 2,
            "nodes": [
                {"role": "ADMIN", "user": {"name": "Ada"}},
                {"role": "STUDENT", "user": {"name": "Bob"}},
            ],
        },
        "invitations": {"nodes": [{"email": "new@example.com", "role": "STUDENT"}]},
        "apiClients": {"nodes": []},
        "auditLog": {
            "nodes": [
                {"action": "member.invited"},
                {"action": "member.joined"},
                {"action": "member.invited"},
                {"action": "organization.created"},
            ]
        },
    }
    nothing: dict[str, Any] = {
        "slug": "analytical-engines",
        "members": {"totalCount": 0, "nodes": []},
        "invitations": {"nodes": []},
        "apiClients": {"nodes": []},
        "auditLog": {"nodes": []},
    }
    eve, _ = await (await ada.register("Eve")).found("elsewhere")
    for stranger in (visitor, eve):
        seen = await stranger.ask(ORGANIZATION, slug="analytical-engines")
        assert seen["organization"] == nothing
    himself = {"totalCount": 1, "nodes": [{"role": "STUDENT", "user": {"name": "Bob"}}]}
    seen = await bob.ask(ORGANIZATION, id=engines)
    assert seen["organization"] == {**nothing, "members": himself}


@pytest.mark.parametrize(
    ("variables", "found"),
    [({"id": str(uuid4())}, None), ({"slug": "nowhere"}, None), ({"slug": "a\x00"}, None)],
)
async def test_an_unknown_organization_is_none(
    visitor: Person, variables: dict[str, str], found: None
) -> None:
    assert (await visitor.ask(ORGANIZATION, **variables))["organization"] is found


@pytest.mark.parametrize("variables", [{}, {"id": str(uuid4()), "slug": "both"}])
async def test_an_organization_is_asked_for_in_one_way(
    visitor: Person, variables: dict[str, str]
) -> None:
    result = await visitor.execute(ORGANIZATION, **variables)
    assert result.errors is not None
    assert (result.errors[0].extensions or {})["code"] == "INVALID_INPUT"


async def test_a_malformed_id_is_refused_before_any_resolver_runs(
    visitor: Person, statements: list[str]
) -> None:
    result = await visitor.execute(ORGANIZATION, id="1 OR 1=1")
    assert result.errors is not None
    assert (result.errors[0].extensions or {})["code"] == "BAD_USER_INPUT"
    assert statements == []
