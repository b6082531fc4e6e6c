"""What is checked before a byte of a request is parsed, and how a process tells its health."""

import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from subgraphs.kernel.app import Host
from subgraphs.kernel.db import Database
from subgraphs.kernel.door import MAX_BODY
from tests.kernel.conftest import lend
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
