"""What is checked before a byte of a request is parsed, and how a process tells its health."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from subgraphs.kernel.app import Host
from subgraphs.kernel.auth import tokens
from subgraphs.kernel.db import Database
from subgraphs.kernel.limits.bodies import MAX_BODY
from tests.kernel.conftest import lend, until
from tests.kernel.doors import NAME, make_app, proven
from tests.kernel.servers import Issuer, serving

CALLER = {"query": "{ caller }"}
SERVICE = {"query": "{ _service { sdl } }"}
ENTITIES = {"query": '{ _entities(representations: [{__typename: "Book"}]) { __typename } }'}
MEGABYTE = b" " * 1_000_000


class Body:
    """A body in pieces that knows how many of them were read."""

    def __init__(self, *pieces: bytes) -> None:
        self.read = 0
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.read += 1
            yield piece


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose life is part of the test."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shelf") as client,
    ):
        yield client


def as_someone(issuer: Issuer) -> dict[str, str]:
    return proven(authorization=f"Bearer {issuer.token()}")


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    [error] = answer.json()["errors"]
    assert answer.json()["data"] is None
    return answer.status_code, error["extensions"]["code"], error["message"]


@pytest.mark.parametrize("asked", [ENTITIES, SERVICE, CALLER])
async def test_without_a_proof_nothing_is_answered(
    door: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    answer = await door.post("/graphql", json=asked)
    assert refusal(answer) == (401, "FORBIDDEN", "Only a gateway may ask.")


@pytest.mark.parametrize("headers", [{}, proven(key="another"), proven(seconds=0)])
async def test_the_body_of_an_unsigned_request_is_never_read(
    door: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    body = Body(b"{")
    answer = await door.post("/graphql", content=body, headers=headers)
    assert (answer.status_code, body.read) == (401, 0)


async def test_a_gateway_may_ask_in_the_name_of_nobody(door: httpx.AsyncClient) -> None:
    answer = await door.post("/graphql", json=CALLER, headers=proven())
    assert (answer.status_code, answer.json()) == (200, {"data": {"caller": None}})


async def test_a_token_tells_who_asks(door: httpx.AsyncClient, issuer: Issuer) -> None:
    user = uuid4()
    headers = proven(authorization=f"bearer  {issuer.token(sub=str(user))} ")
    answer = await door.post("/graphql", json=CALLER, headers=headers)
    assert answer.json() == {"data": {"caller": str(user)}}


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer x.y.z", "Basic dTpw", "x", "Bearer é"])
async def test_a_bad_token_is_not_taken_for_nobody(
    door: httpx.AsyncClient, authorization: str
) -> None:
    body = Body(b"{")
    headers = proven(authorization=authorization)
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = await door.post("/graphql", content=body, headers=encoded)
    assert refusal(answer)[:2] == (200, "UNAUTHENTICATED")
    assert body.read == 0


async def test_an_expired_token_says_so(door: httpx.AsyncClient, issuer: Issuer) -> None:
    token = issuer.token(exp=int(time.time()) - 100)
    answer = await door.post(
        "/graphql", json=CALLER, headers=proven(authorization=f"Bearer {token}")
    )
    assert refusal(answer) == (200, "UNAUTHENTICATED", "This token has expired.")


async def test_before_the_keys_are_known_a_good_token_is_not_called_bad(
    app: FastAPI, issuer: Issuer
) -> None:
    issuer.down = True
    user, body = uuid4(), Body(b"{")
    headers = proven(authorization=f"Bearer {issuer.token(sub=str(user))}")
    async with running(app) as door:
        refused = await door.post("/graphql", content=body, headers=headers)
        nobody = await door.post("/graphql", json=CALLER, headers=proven())
        issuer.down = False
        answer = await door.post("/graphql", json=CALLER, headers=headers)

    message = "This part is out of service. Try again soon."
    assert refusal(refused) == (200, "SERVICE_UNAVAILABLE", message)
    assert body.read == 0
    assert nobody.json() == {"data": {"caller": None}}
    assert answer.json() == {"data": {"caller": str(user)}}


async def test_a_process_fetches_the_keys_before_anybody_asks(app: FastAPI, issuer: Issuer) -> None:
    async def fetched() -> bool:
        return issuer.requests == 1

    async with running(app) as door:
        await until(fetched)
        await door.post("/graphql", json=CALLER, headers=as_someone(issuer))
    assert issuer.requests == 1


async def test_a_process_that_nobody_asks_forgets_a_withdrawn_key(
    app: FastAPI, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MAX_AGE", 0.02)
    monkeypatch.setattr(tokens, "MIN_AGE", 0.01)
    stolen = as_someone(issuer)
    async with running(app) as door:
        good = await door.post("/graphql", json=CALLER, headers=stolen)
        issuer.add_key("two")
        del issuer.keys["one"]
        seen = issuer.requests + 1  # the one that may be under way

        async def fetched_again() -> bool:
            return issuer.requests > seen + 1

        await until(fetched_again)
        refused = await door.post("/graphql", json=CALLER, headers=stolen)
    assert "errors" not in good.json()
    unknown = "This token is signed with an unknown key."
    assert refusal(refused) == (200, "UNAUTHENTICATED", unknown)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/plain", b'{"query": "{ caller }"}'),
        ("application/x-www-form-urlencoded", b"query={ caller }"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/graphql", b"{ caller }"),
        ("", b'{"query": "{ caller }"}'),
    ],
)
async def test_only_json_is_read(door: httpx.AsyncClient, kind: str, content: bytes) -> None:
    headers = proven() | ({"content-type": kind} if kind else {})
    answer = await door.post("/graphql", content=content, headers=headers)
    assert 400 <= answer.status_code < 500
    assert refusal(answer)[1] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b'"{ caller }"',
        b"[]",
        b'[{"query": "{ caller }"}, {"query": "{ caller }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": 7}',
        b'{"query": ["{ caller }"]}',
        b'{"query": "{ caller }", "variables": "x"}',
        b'{"query": "{ caller }", "variables": [1]}',
        b'{"query": "{ caller }", "extensions": "x"}',
        b'{"query": "{ caller }", "operationName": "Nothing"}',
        b'{"query": "{ caller }", "operationName": 7}',
        b'{"query": "fragment F on Query { caller }"}',
        b'{"query": "subscription { lendings(id: 1) { cursor } }"}',
        b'{"query": "\xff\xfe"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda content: repr(content)[:50],
)
async def test_what_is_no_operation_is_refused(door: httpx.AsyncClient, content: bytes) -> None:
    headers = proven() | {"content-type": "application/json"}
    answer = await door.post("/graphql", content=content, headers=headers)
    if answer.status_code == 200:
        assert {e["extensions"]["code"] for e in answer.json()["errors"]} <= {
            "BAD_USER_INPUT",
            "GRAPHQL_VALIDATION_FAILED",
            "GRAPHQL_PARSE_FAILED",
        }
    else:
        assert refusal(answer)[:2] == (400, "BAD_USER_INPUT")


async def test_nothing_is_asked_by_get(door: httpx.AsyncClient, book: UUID) -> None:
    for query in ("{ caller }", f'mutation {{ lend(id: "{book}") {{ __typename }} }}'):
        answer = await door.get("/graphql", params={"query": query}, headers=proven())
        assert refusal(answer)[:2] == (400, "BAD_USER_INPUT")
    page = await door.get("/graphql", headers=proven() | {"accept": "text/html"})
    assert 400 <= page.status_code < 500


async def test_a_body_that_announces_its_size_is_refused_unread(door: httpx.AsyncClient) -> None:
    body = Body(*[MEGABYTE] * 30)
    headers = proven() | {"content-length": str(30 * len(MEGABYTE))}
    answer = await door.post("/graphql", content=body, headers=headers)
    assert refusal(answer) == (413, "BAD_USER_INPUT", "The body is too large.")
    assert body.read == 0


async def test_a_body_that_announces_nothing_is_read_no_further_than_the_limit(
    door: httpx.AsyncClient,
) -> None:
    body = Body(*[MEGABYTE] * 30)
    headers = proven() | {"content-type": "application/json"}
    answer = await door.post("/graphql", content=body, headers=headers)
    assert refusal(answer) == (413, "BAD_USER_INPUT", "The body is too large.")
    assert body.read == 2


async def test_a_body_as_large_as_may_be_is_read(door: httpx.AsyncClient) -> None:
    query = b'{"query": "{ caller }"}'
    content = query + b" " * (MAX_BODY - len(query))
    headers = proven() | {"content-type": "application/json"}
    assert (await door.post("/graphql", content=content, headers=headers)).status_code == 200
    longer = await door.post("/graphql", content=content + b" ", headers=headers)
    assert longer.status_code == 413


@pytest.mark.usefixtures("at_head")
async def test_an_app_is_ready_when_its_database_is_at_head(
    door: httpx.AsyncClient, db: Database
) -> None:
    ready = await door.get("/ready")
    assert (ready.status_code, ready.json()) == (200, {"database": "ok", "bus": "ok"})
    async with db.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    behind = await door.get("/ready")
    assert behind.status_code == 503
    assert behind.json() == {"database": "NotAtHeadError", "bus": "ok"}
    assert (await door.get("/health")).json() == {"status": "ok"}


@pytest.mark.usefixtures("at_head")
async def test_without_valkey_a_process_starts_and_answers_but_is_not_ready(
    db: Database, issuer: Issuer, shelf_url: str, book: UUID
) -> None:
    app = make_app(database=shelf_url, valkey="redis://127.0.0.1:1/0", jwks=issuer.url)
    async with (
        serving(Host({NAME: app})) as served,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client,
    ):
        await lend(db, book)
        asked = {"query": "{ books { nodes { title } } }"}
        answer = await client.post(f"/{NAME}/graphql", json=asked, headers=proven())
        unsigned = await client.post(f"/{NAME}/graphql", json=asked)
        odd = await client.put(f"/{NAME}/graphql", json=asked, headers=proven())
        ready = await client.get("/ready")
        metrics = await client.get("/metrics")

    assert answer.json() == {"data": {"books": {"nodes": [{"title": "Faust"}]}}}
    assert (unsigned.status_code, odd.status_code) == (401, 405)
    assert ready.status_code == 503
    assert ready.json() == {NAME: {"database": "ok", "bus": "ConnectionError"}}
    assert 'polynode_request_seconds_count{subgraph="shelf"}' in metrics.text
