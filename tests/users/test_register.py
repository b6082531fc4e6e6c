"""Registering: who gets in, who does not, and what it leaves behind."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from subgraphs.kernel.db import Database
from subgraphs.users.models import Session, User
from tests.users.people import PASSWORD, REGISTER, Person, published

VIEWER = "{ viewer { id name email locale timeZone isActive isOperator memberships { role } } }"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD}


async def counts(db: Database) -> tuple[int | None, int | None]:
    async with db.read() as session:
        users = await session.scalar(select(func.count()).select_from(User))
        return users, await session.scalar(select(func.count()).select_from(Session))


async def test_registering_logs_in_and_is_told_to_the_others(visitor: Person, db: Database) -> None:
    made = await visitor.do(REGISTER, **ADA, locale="pt-br", timeZone="Europe/Lisbon")

    assert made["user"]["email"] == "ada@example.com"
    ada = await visitor.become(made, "ada@example.com")
    assert (await ada.ask(VIEWER))["viewer"] == {
        "id": made["user"]["id"],
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "locale": "pt-BR",
        "timeZone": "Europe/Lisbon",
        "isActive": True,
        "isOperator": False,
        "memberships": [],
    }
    assert await published(db) == ["users.user_registered"]


async def test_registering_takes_three_statements(visitor: Person, statements: list[str]) -> None:
    await visitor.services.keys.signer(visitor.db)
    statements.clear()
    await visitor.do(REGISTER, **ADA)
    assert [text.split()[0:3] for text in statements] == [
        ["INSERT", "INTO", "users"],
        ["INSERT", "INTO", "sessions"],
        ["INSERT", "INTO", "outbox"],
    ]


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.COM", "  ada@example.com "])
async def test_an_address_is_registered_once_however_it_is_written(
    visitor: Person, db: Database, email: str
) -> None:
    await visitor.do(REGISTER, **ADA)
    before = await counts(db)

    refused = await visitor.do(REGISTER, **{**ADA, "email": email})

    assert (refused["__typename"], refused["code"]) == ("EmailTakenError", "EMAIL_TAKEN")
    assert await counts(db) == before
    assert await published(db) == ["users.user_registered"]


async def test_of_two_registrations_at_once_one_wins(visitor: Person, db: Database) -> None:
    answers = await asyncio.gather(*(visitor.do(REGISTER, **ADA) for _ in range(3)))
    assert sorted(answer["__typename"] for answer in answers) == [
        "EmailTakenError",
        "EmailTakenError",
        "RegisterSuccess",
    ]
    assert await counts(db) == (1, 1)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("short", "A password has at least 10 characters."),
        ("x7#kdPq2!vLm" * 11, "A password has at most 128 characters."),
        ("password123", "This is a very common password."),
        ("iloveyou2024", None),
        ("aaaaaaaaaaaaaaaa", 'Repeats like "aaa" are easy to guess.'),
        ("adalovelace", None),
        ("ada@example.com", None),
        ("lovelace1815", None),
    ],
)
async def test_a_weak_leaked_or_personal_password_is_refused(
    visitor: Person, db: Database, password: str, message: str | None
) -> None:
    refused = await visitor.do(REGISTER, **{**ADA, "password": password})
    assert refused["__typename"] == "WeakPasswordError"
    assert refused["message"] == (message or refused["message"])
    assert await counts(db) == (0, 0)
    assert await published(db) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "A" * 101}, "name"),
        ({"name": "Ada\x00"}, "name"),
        ({"name": "Ada\ud800"}, "name"),
        ({"name": "Ada\r\nSet-Cookie"}, "name"),
        ({"email": "ada"}, "email"),
        ({"email": "ada@"}, "email"),
        ({"email": "a" * 300 + "@example.com"}, "email"),
        ({"locale": "english"}, "locale"),
        ({"locale": "e" * 40}, "locale"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"timeZone": "../etc/passwd"}, "timeZone"),
        ({"device": "x" * 101}, "device"),
    ],
)
async def test_what_is_not_acceptable_is_refused_by_field(
    visitor: Person, db: Database, changes: dict[str, Any], field: str
) -> None:
    refused = await visitor.do(REGISTER, **{**ADA, **changes})
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", field)
    assert await counts(db) == (0, 0)


async def test_one_password_typed_on_two_keyboards_is_one_password(visitor: Person) -> None:
    composed, decomposed = "caf\u00e9 na pra\u00e7a azul", "cafe\u0301 na prac\u0327a azul"
    ada = await visitor.register(password=composed)
    assert (await ada.log_in(password=decomposed)).id == ada.id
