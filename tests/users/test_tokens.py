"""Access tokens and the keys that sign them, as other processes see them."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update

from subgraphs.kernel.db import Database
from subgraphs.users.gateways.crypto import Vault
from subgraphs.users.models import KeyStatus, SigningKey
from subgraphs.users.service import keys
from subgraphs.users.service.keys import KeyRing, KeyTooYoungError
from tests.users.people import ISSUER, SECRET, Person
from tests.users.server import free_port, serving

VIEWER = "{ viewer { name } }"
Environment = Callable[..., dict[str, str]]


async def let_the_next_key_be_known(db: Database) -> None:
    async with db.begin() as session:
        earlier = SigningKey.created_at - keys.LEAD
        await session.execute(update(SigningKey).values(created_at=earlier))


async def statuses(db: Database) -> list[str]:
    async with db.read() as session:
        rows = await session.scalars(select(SigningKey).order_by(SigningKey.id))
        return [row.status.value for row in rows]


async def test_a_token_says_who_where_and_for_ten_minutes(ada: Person, operator: Person) -> None:
    ada, engines = await ada.found()
    ada = await ada.log_in()
    token = ada.tokens["accessToken"]
    claims = await ada.claims(token)
    assert {name: claims[name] for name in ("iss", "aud", "sub", "sid", "roles")} == {
        "iss": ISSUER,
        "aud": "polynode",
        "sub": str(ada.id),
        "sid": str(ada.viewer.session_id),
        "roles": {engines: "admin"},
    }
    assert claims["exp"] - claims["iat"] == 600
    assert claims["iat"] != int(claims["iat"])
    assert set(claims) == {"iss", "aud", "sub", "sid", "roles", "iat", "exp", "jti"}
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert (await operator.claims(operator.tokens["accessToken"]))["operator"] is True


async def test_the_private_key_is_kept_encrypted_and_bound_to_its_id(
    ada: Person, db: Database
) -> None:
    async with db.read() as session:
        rows = (await session.scalars(select(SigningKey))).all()
    assert {len(row.private_key) for row in rows} == {12 + 32 + 16}
    one, other = rows
    vault = Vault(SECRET)
    assert vault.signer(one.id, one.private_key).kid == str(one.id)
    for id, secret in ((other.id, SECRET), (one.id, "another secret")):
        with pytest.raises(InvalidTag):
            Vault(secret).signer(id, one.private_key)
    assert ada.tokens["accessToken"]


async def test_processes_that_start_at_once_make_one_key(db: Database) -> None:
    rings = [KeyRing(Vault(SECRET)) for _ in range(5)]
    signers = await asyncio.gather(*(ring.signer(db) for ring in rings))
    assert len({signer.kid for signer in signers}) == 1
    assert sorted(await statuses(db)) == ["active", "next"]


async def test_the_next_key_is_published_before_it_signs_and_the_old_one_after(
    ada: Person, db: Database
) -> None:
    vault = ada.services.vault
    before = {key["kid"] for key in (await KeyRing(vault).jwks(db))["keys"]}
    old = (await KeyRing(vault).signer(db)).kid
    with pytest.raises(KeyTooYoungError):
        await db.transact(keys.rotate, vault)
    await let_the_next_key_be_known(db)

    new = await db.transact(keys.rotate, vault)

    assert str(new.id) in before - {old}
    ring = KeyRing(vault)
    assert (await ring.signer(db)).kid == str(new.id)
    published = {key["kid"] for key in (await ring.jwks(db))["keys"]}
    assert len(published) == 3
    assert published > before
    assert (await ada.read(ada.tokens["accessToken"])).user_id == ada.id


async def test_a_retired_key_is_published_until_its_last_token_is_over(
    ada: Person, db: Database
) -> None:
    await let_the_next_key_be_known(db)
    await db.transact(keys.rotate, ada.services.vault)
    async with db.begin() as session:
        retired = update(SigningKey).where(SigningKey.status == KeyStatus.RETIRED)
        moment = SigningKey.retired_at - keys.OVERLAP
        await session.execute(retired.values(retired_at=moment))
    assert len((await KeyRing(ada.services.vault).jwks(db))["keys"]) == 2
    assert timedelta(seconds=600 + 60) <= keys.OVERLAP


async def test_a_compromised_key_is_gone_at_once(ada: Person, db: Database) -> None:
    old = jwt.get_unverified_header(ada.tokens["accessToken"])["kid"]
    await db.transact(keys.rotate, ada.services.vault, compromised=True)
    published = await KeyRing(ada.services.vault).jwks(db)
    assert old not in {key["kid"] for key in published["keys"]}
    assert sorted(await statuses(db)) == ["active", "next"]


def forge(claims: dict[str, Any], kind: str, good: str) -> str:
    """Make a token that is wrong in one way."""
    header = {"kid": jwt.get_unverified_header(good)["kid"], "typ": "at+jwt"}
    own = Ed25519PrivateKey.generate()
    if kind == "alg none":
        parts = [{**header, "alg": "none"}, claims]
        return ".".join(_encode(part) for part in parts) + "."
    if kind == "HMAC with the public key":
        return jwt.encode(claims, "x" * 32, algorithm="HS256", headers=header)
    if kind == "key of one's own":
        return jwt.encode(claims, own, algorithm="EdDSA", headers=header)
    if kind == "key named by the token":
        extra = {**header, "kid": str(uuid4()), "jku": "https://evil.example/jwks.json"}
        return jwt.encode(claims, own, algorithm="EdDSA", headers=extra)
    return good[:-8] + ("A" * 8 if good[-8:] != "A" * 8 else "B" * 8)


def _encode(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


async def test_a_server_publishes_its_keys_and_refuses_every_other_token(
    ada: Person, environment: Environment
) -> None:
    port = free_port()
    environment(port)
    signer = await ada.services.keys.signer(ada.db)
    claims = await ada.claims(ada.tokens["accessToken"])
    async with serving(port) as server:
        published = await server.jwks()
        assert published.headers["cache-control"] == "public, max-age=5"
        fields = {"kty", "crv", "use", "alg", "kid", "x"}
        assert [set(key) for key in published.json()["keys"]] == [fields, fields]

        good = await server.ask(VIEWER, token=ada.tokens["accessToken"])
        assert good == {"data": {"viewer": {"name": "Ada"}}}
        assert await server.ask(VIEWER) == {"data": {"viewer": None}}

        forged = [
            forge(claims, kind, ada.tokens["accessToken"])
            for kind in (
                "alg none",
                "HMAC with the public key",
                "key of one's own",
                "key named by the token",
                "flipped signature",
            )
        ]
        wrong = [
            signer.sign({**claims, **changes})
            for changes in (
                {"aud": "someone else"},
                {"iss": "https://evil.example"},
                {"exp": time.time() - 61},
                {"sub": "not a UUID"},
                {"roles": "admin"},
            )
        ]
        other_type = jwt.encode(
            claims, signer.key, algorithm="EdDSA", headers={"kid": signer.kid, "typ": "JWT"}
        )
        for token in (*forged, *wrong, other_type, "nonsense"):
            answer = await server.ask(VIEWER, token=token)
            assert answer["data"] is None
            assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_keys_rotate_under_a_running_server_without_one_refusal(
    ada: Person, db: Database, environment: Environment
) -> None:
    port = free_port()
    environment(port)
    login = "mutation ($input: LoginInput!) { login(input: $input) { ... on LoginSuccess {"
    login += " accessToken } } }"
    input = {"email": ada.email, "password": "correct horse battery"}
    async with serving(port) as server:
        await server.ask(VIEWER, token=ada.tokens["accessToken"])
        await let_the_next_key_be_known(db)
        new = await db.transact(keys.rotate, ada.services.vault)
        kids: set[str] = set()
        async with asyncio.timeout(keys.FRESH_SECONDS + 8):
            while str(new.id) not in kids:
                answer = await server.ask(login, input=input)
                token = answer["data"]["login"]["accessToken"]
                kids.add(jwt.get_unverified_header(token)["kid"])
                for held in (token, ada.tokens["accessToken"]):
                    seen = await server.ask(VIEWER, token=held)
                    assert seen == {"data": {"viewer": {"name": "Ada"}}}


@pytest.mark.usefixtures("empty")
def test_the_command_line_lists_and_rotates(environment: Environment) -> None:
    variables = environment()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "subgraphs.users.keys", *words]
        return subprocess.run(  # noqa: S603, ourselves
            command, env=variables, capture_output=True, text=True, check=False
        )

    too_soon = run("rotate")
    assert too_soon.returncode == 1
    assert too_soon.stderr.startswith("The next key is published since")
    assert [line.split()[1] for line in run("list").stdout.splitlines()] == ["active", "next"]
    assert run("rotate", "--compromised").stdout.endswith("signs now.\n")
    assert run("explode").returncode == 2
