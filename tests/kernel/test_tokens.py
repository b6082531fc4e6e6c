"""Access tokens against keys that are published over HTTP."""

import asyncio
import base64
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from subgraphs.kernel.auth import InvalidTokenError, KeysUnavailableError, TokenVerifier
from subgraphs.kernel.auth.tokens import LEEWAY, MAX_AGE, MAX_LENGTH, MIN_AGE
from tests.kernel.servers import ORIGIN, Issuer, good_claims, issuing


class Clock:
    """Tells the age of keys; a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(issuer.url, ORIGIN, clock=clock)


async def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(InvalidTokenError) as refused:
        await verifier.verify(token)
    return str(refused.value)


async def test_a_good_token_tells_who_asks(verifier: TokenVerifier, issuer: Issuer) -> None:
    user, session, organization = uuid4(), uuid4(), uuid4()
    token = issuer.token(
        sub=str(user),
        sid=str(session),
        roles={str(organization): "admin"},
        scope="courses:read courses:write",
        iat=1_700_000_000.25,
        exp=4_000_000_000,
    )

    viewer = await verifier.verify(token)

    assert (viewer.user_id, viewer.session_id) == (user, session)
    assert viewer.roles == {organization: "admin"}
    assert viewer.scopes == frozenset({"courses:read", "courses:write"})
    assert viewer.is_operator is False
    assert viewer.issued_at is not None
    assert viewer.issued_at.timestamp() == 1_700_000_000.25


async def test_a_person_has_no_scopes_and_operators_are_named_in_so_many_words(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    person = await verifier.verify(issuer.token())
    operator = await verifier.verify(issuer.token(operator=True))
    pretender = await verifier.verify(issuer.token(operator="true"))
    assert (person.scopes, person.roles, person.is_operator) == (None, {}, False)
    assert (operator.is_operator, pretender.is_operator) == (True, False)


async def test_clocks_may_differ_by_a_minute_and_no_more(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    now = int(time.time())
    late = issuer.token(exp=now - LEEWAY + 10)
    fast = issuer.token(iat=now + LEEWAY - 10)

    assert (await verifier.verify(late)).user_id
    assert (await verifier.verify(fast)).user_id
    assert await refusal(verifier, issuer.token(exp=now - LEEWAY)) == "This token has expired."
    tomorrow = issuer.token(iat=now + LEEWAY + 10)
    assert await refusal(verifier, tomorrow) == "This token is not valid."


async def test_a_token_that_was_good_once_is_not_good_for_ever(
    verifier: TokenVerifier, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    later = time.time() + 600 + LEEWAY + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert await refusal(verifier, token) == "This token has expired."


def unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "typ": "at+jwt", "kid": "one"}))
    return f"{header.decode().rstrip('=')}.{token.split('.')[1]}."


def hmac_with_the_public_key(issuer: Issuer) -> str:
    # PyJWT refuses to sign like this; an attacker's library does not.
    raw = issuer.keys["one"].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return issuer.token(key=raw, alg="HS256")


async def test_only_our_algorithm_type_and_key_count(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    not_ours = "This is not an access token of ours."
    good = issuer.token()
    assert await refusal(verifier, unsigned(good)) == not_ours
    assert await refusal(verifier, hmac_with_the_public_key(issuer)) == not_ours
    assert await refusal(verifier, issuer.token(headers={"typ": "JWT"})) == not_ours
    foreign = issuer.token(key=Ed25519PrivateKey.generate())
    assert await refusal(verifier, foreign) == "This token is not valid."
    head, body, _ = good.split(".")
    assert await refusal(verifier, f"{head}.{body}.") == "This token is not valid."
    _, other, _ = issuer.token(operator=True).split(".")
    tampered = ".".join([head, other, good.split(".")[2]])
    assert await refusal(verifier, tampered) == "This token is not valid."


async def test_a_token_cannot_say_where_its_key_is(issuer: Issuer, verifier: TokenVerifier) -> None:
    async with issuing() as thief:
        own = thief.public("one")
        token = thief.token(headers={"jku": thief.url, "x5u": thief.url, "jwk": own})
        assert await refusal(verifier, token) == "This token is not valid."
        assert (thief.requests, issuer.requests) == (0, 1)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "http://evil.example"},
        {"iss": None},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": "now"},
        {"sub": None},
        {"sub": "root"},
        {"sid": 7},
        {"roles": ["admin"]},
        {"roles": {"everywhere": "admin"}},
        {"scope": ["all"]},
        {"exp": 10**18},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
async def test_claims_must_be_there_and_make_sense(
    verifier: TokenVerifier, issuer: Issuer, claims: dict[str, Any]
) -> None:
    said = await refusal(verifier, _sign(issuer, claims))
    assert said in ("This token is not valid.", "This token's claims are malformed.")


def _sign(issuer: Issuer, changes: dict[str, Any]) -> str:
    # PyJWT's `encode` checks some claims itself, so the payload is signed as bytes.
    claims = {k: v for k, v in (good_claims() | changes).items() if v is not None}
    headers = {"kid": "one", "typ": "at+jwt"}
    return jwt.api_jws.encode(orjson.dumps(claims), issuer.keys["one"], "EdDSA", headers=headers)


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "…", "e30.e30.e30", ".".join(["A" * 90] * 3)])
async def test_what_is_no_token_is_refused_without_asking_anybody(
    verifier: TokenVerifier, issuer: Issuer, token: str
) -> None:
    assert await refusal(verifier, token) in (
        "This token is not valid.",
        "This is not an access token of ours.",
    )
    assert issuer.requests == 0


async def test_a_huge_token_is_not_even_decoded(verifier: TokenVerifier, issuer: Issuer) -> None:
    assert await refusal(verifier, "e" * (MAX_LENGTH + 1)) == "This token is too long."
    assert issuer.requests == 0


async def test_keys_rotate_without_a_restart_and_without_a_failure(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    before = issuer.token("one")
    await verifier.verify(before)
    issuer.add_key("two")
    clock.now += MIN_AGE + 1

    after = [issuer.token("two") for _ in range(100)]
    viewers = await asyncio.gather(*(verifier.verify(token) for token in [*after, before]))

    assert [type(viewer.user_id) for viewer in viewers] == [UUID] * 101
    assert issuer.requests == 2


async def test_a_withdrawn_key_takes_its_tokens_along_within_fifteen_seconds(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    stolen = issuer.token("one")
    await verifier.verify(stolen)
    issuer.add_key("two")
    del issuer.keys["one"]
    clock.now += 15.0

    await verifier.keep_fresh()  # nobody has asked for a key that is unknown here

    assert await refusal(verifier, stolen) == "This token is signed with an unknown key."
    assert issuer.requests == 2


async def test_a_key_whose_value_changes_takes_its_tokens_along(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    stolen = issuer.token("one")
    await verifier.verify(stolen)
    issuer.add_key("one")
    clock.now += MAX_AGE
    await verifier.keep_fresh()
    assert await refusal(verifier, stolen) == "This token is not valid."


async def test_what_was_verified_is_remembered_as_long_as_the_keys_are_the_same(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.token()
    viewer = await verifier.verify(token)
    clock.now += MAX_AGE
    await verifier.keep_fresh()
    assert await verifier.verify(token) is viewer

    issuer.add_key("two")
    clock.now += MAX_AGE
    await verifier.keep_fresh()

    assert await verifier.verify(token) is not viewer
    assert issuer.requests == 3


async def test_nobody_is_called_a_forger_before_the_keys_are_known(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.down = True
    good, forged = issuer.token(), issuer.token(key=Ed25519PrivateKey.generate())
    for token in (good, forged):
        with pytest.raises(KeysUnavailableError):
            await verifier.verify(token)
    assert await refusal(verifier, unsigned(good)) == "This is not an access token of ours."

    issuer.down = False

    assert (await verifier.verify(good)).user_id
    assert await refusal(verifier, forged) == "This token is not valid."
    assert issuer.requests == 3


async def test_callers_who_wait_for_the_first_keys_share_one_request(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.down = True
    waiting = (verifier.verify(issuer.token()) for _ in range(100))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {KeysUnavailableError}
    assert issuer.requests == 1


async def test_unknown_keys_make_one_request_per_five_seconds(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    forged = [issuer.token(headers={"kid": f"k{number}"}) for number in range(200)]
    for _ in range(3):
        results = await asyncio.gather(
            *(verifier.verify(token) for token in forged), return_exceptions=True
        )
        assert {str(result) for result in results} == {"This token is signed with an unknown key."}
        clock.now += MIN_AGE + 1
    assert issuer.requests == 3


async def test_known_keys_stay_good_while_their_issuer_is_away(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    await verifier.verify(issuer.token())
    for outage in ({"down": True}, {"down": False, "published": ["no", "keys"]}):
        vars(issuer).update(outage)
        clock.now += MAX_AGE + 1
        stranger = issuer.token(headers={"kid": "unknown"})
        assert await refusal(verifier, stranger) == "This token is signed with an unknown key."
        assert (await verifier.verify(issuer.token())).user_id
    assert issuer.requests == 3
