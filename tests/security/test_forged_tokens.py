"""Access tokens that are forged, altered, stolen, or older than the key that signed them."""

import asyncio
import base64
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.stack import Stack
from subgraphs.users.gateways.crypto import Signer
from tests.support.api import Api
from tests.support.campus import Campus
from tests.support.intruder import claims_of, database, run, signer

VIEWER = "{ viewer { id } }"
STOLEN = Ed25519PrivateKey.generate()


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(claims: dict[str, Any], **header: str) -> str:
    return f"{part({'typ': 'at+jwt', **header})}.{part(claims)}."


def altered(token: str, **claims: Any) -> str:
    """Other claims below the old signature."""
    head, _, signature = token.split(".")
    return f"{head}.{part(claims_of(token) | claims)}.{signature}"


def hmac_with_public_key(ours: Signer, claims: dict[str, Any]) -> str:
    """What passes where the algorithm is the token's own choice."""
    public = ours.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    head = {"typ": "at+jwt", "kid": ours.kid}
    return jwt.encode(claims, public, algorithm="HS256", headers=head)


def self_signed(claims: dict[str, Any], **header: Any) -> str:
    """Signed with a key of the forger's own, which the header recommends."""
    head = {"typ": "at+jwt", **header}
    return jwt.encode(claims, STOLEN, algorithm="EdDSA", headers=head)


def forgeries(ours: Signer, token: str) -> dict[str, str]:
    claims = claims_of(token)
    own_jwk = {"kty": "OKP", "crv": "Ed25519", "x": part({}), "kid": "mine"}
    evil = "https://evil.example/keys.json"

    def wrong(**changed: Any) -> str:
        return ours.sign({k: v for k, v in (claims | changed).items() if v is not None})

    return {
        "no algorithm": unsigned(claims, alg="none", kid=ours.kid),
        "no algorithm, in capitals": unsigned(claims, alg="NONE", kid=ours.kid),
        "no signature": token.rpartition(".")[0] + ".",
        "the public key as a secret": hmac_with_public_key(ours, claims),
        "another key, our kid": self_signed(claims, kid=ours.kid),
        "an unknown kid": self_signed(claims, kid=str(uuid4())),
        "no kid": self_signed(claims),
        "a kid that is a path": self_signed(claims, kid="../../../dev/null"),
        "a kid that is SQL": self_signed(claims, kid="' OR 1=1 --"),
        "jku": self_signed(claims, kid="mine", jku=evil),
        "x5u": self_signed(claims, kid="mine", x5u=evil),
        "jwk": self_signed(claims, kid="mine", jwk=own_jwk),
        "another type": jwt.encode(
            claims, ours.key, algorithm="EdDSA", headers={"kid": ours.kid, "typ": "JWT"}
        ),
        "another audience": wrong(aud="another service"),
        "no audience": wrong(aud=None),
        "another issuer": wrong(iss="https://evil.example"),
        "expired": wrong(iat=time.time() - 900, exp=time.time() - 300),
        "never expiring": wrong(exp=None),
        "not yet issued": wrong(iat=time.time() + 600, exp=time.time() + 1_200),
        "no subject": wrong(sub=None),
        "a subject that is none": wrong(sub="admin"),
        "somebody else": altered(token, sub=str(uuid4())),
        "an operator": altered(token, operator=True),
        "an admin": altered(token, roles={str(uuid4()): "admin"}),
        "later": altered(token, exp=time.time() + 10**6),
        "no token": "null",
        "too long": token + "A" * 9_000,
    }


async def test_no_forged_token_lets_anyone_in(campus: Campus, stack: Stack) -> None:
    person = await campus.person("Vera")
    assert person.token
    outcomes = {}
    for name, forged in forgeries(await signer(stack), person.token).items():
        caller = Api(campus.url, campus.client, token=forged)
        answer = (await caller.post({"query": VIEWER})).json()
        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        outcomes[name] = codes or answer["data"]
    anonymous = {"viewer": None}
    # Too long to be forwarded is as good as none; the others are told so.
    assert outcomes.pop("too long") in (anonymous, {"UNAUTHENTICATED"})
    assert outcomes == {name: {"UNAUTHENTICATED"} for name in outcomes}


async def test_a_forged_token_on_a_socket_lets_nobody_in(campus: Campus, stack: Stack) -> None:
    person = await campus.person("Vera")
    assert person.token
    found = forgeries(await signer(stack), person.token)
    for name in ("no algorithm", "the public key as a secret", "jku", "an operator"):
        async with Api(campus.url, campus.client, token=found[name]).socket() as socket:
            await socket.subscribe(VIEWER, {})
            message = await socket.next()
            assert "UNAUTHENTICATED" in json.dumps(message), name


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer bearer", "DPoP"])
async def test_only_a_bearer_token_is_one(campus: Campus, scheme: str) -> None:
    person = await campus.person("Vera")
    response = await campus.visitor().post(
        {"query": VIEWER}, authorization=f"{scheme} {person.token}"
    )
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_stolen_access_token_lives_ten_minutes_or_until_it_is_revoked(
    campus: Campus, record_property: Any
) -> None:
    victim = await campus.person("Vera")
    claims = claims_of(victim.token)
    assert claims["exp"] - claims["iat"] <= 600
    thief = Api(campus.url, campus.client, token=victim.token)
    assert await thief.ask(VIEWER) == {"viewer": {"id": victim.user_id}}

    started = time.monotonic()
    await victim.do("logout", refreshToken=victim.refresh_token)
    refused = 0
    while refused < 10:  # every process that may answer has heard of it
        answer = (await thief.post({"query": VIEWER})).json()
        refused = refused + 1 if "errors" in answer else 0
        assert time.monotonic() - started < 5
    record_property("seconds", time.monotonic() - started)


async def test_keys_rotate_under_load_without_one_refusal(
    campus: Campus, stack: Stack, record_property: Any
) -> None:
    person = await campus.person("Vera")
    old = await signer(stack)
    async with database(stack, "users") as connection:  # published long enough by now
        await connection.execute(
            "UPDATE signing_keys SET created_at = created_at - interval '1 minute'"
        )
    rotated = asyncio.Event()
    asked = 0

    async def ask(url: str) -> None:
        nonlocal asked
        async with httpx.AsyncClient(timeout=20) as client:
            caller = Api(url, client, token=person.token)
            while not rotated.is_set():
                assert await caller.ask(VIEWER) == {"viewer": {"id": person.user_id}}
                asked += 1

    async def log_in() -> set[str]:
        kids: set[str] = set()
        while not rotated.is_set() or len(kids) < 2:
            newcomer = await campus.person("Nora")
            assert await newcomer.ask(VIEWER) == {"viewer": {"id": newcomer.user_id}}
            kids.add(jwt.get_unverified_header(str(newcomer.token))["kid"])
        return kids

    async def rotate() -> None:
        done = await asyncio.to_thread(run, stack, "subgraphs.users.keys", "rotate")
        assert done.returncode == 0, done.stderr
        rotated.set()

    *_, kids = await asyncio.gather(ask(campus.url), ask(campus.url), rotate(), log_in())
    record_property("requests", asked)
    new = await signer(stack)
    assert kids == {old.kid, new.kid}
    assert await person.ask(VIEWER) == {"viewer": {"id": person.user_id}}  # signed with the old one
    jwks = (await campus.client.get(f"{campus.url}/.well-known/jwks.json")).json()["keys"]
    assert {old.kid, new.kid} <= {key["kid"] for key in jwks}
    assert all("d" not in key for key in jwks)
