"""What the gateway takes over HTTP, what it refuses, and what it tells the subgraphs."""

import hashlib
import json
import re
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from tests.gateway.bookshop import SECRET_URL
from tests.gateway.conftest import KEY, ORIGIN, MakeGateway, Server, ask, code_of, logged

BOUGHT = {"query": "{ bought }"}
JSON_TYPE = {"content-type": "application/json"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def identity(client: httpx.AsyncClient, **headers: str) -> dict[str, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await client.post("/graphql", json={"query": "{ identity }"}, headers=sent)
    told: dict[str, str] = json.loads(answer.json()["data"]["identity"])
    return told


async def test_two_subgraphs_answer_as_one(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "{ book(id: 2) { title reviews { stars } } }")
    assert answer == {"data": {"book": {"title": "Dubliners", "reviews": [{"stars": 2}]}}}


async def test_many_entities_are_asked_for_in_parts(client: httpx.AsyncClient) -> None:
    query = "query ($count: Int!) { manyBooks(count: $count) { batch fragile reviews { stars } } }"
    answer = await ask(client, query, count=450)
    books = answer["data"]["manyBooks"]
    assert [book["batch"] for book in books] == [200] * 400 + [50] * 50
    assert [book["reviews"][0]["stars"] for book in books] == list(range(450))
    assert [error["path"] for error in answer["errors"]] == [["manyBooks", 250, "fragile"]]


async def test_the_proof_covers_correlation_client_and_authorization(
    client: httpx.AsyncClient,
) -> None:
    told = await identity(client, authorization="Bearer a.b.c", x_polynode_client="192.0.2.7")
    version, at, digest = told["x-polynode-gateway"].split(" ")
    signed = f"{KEY}:{at}:{told['x-correlation-id']}:192.0.2.7:Bearer a.b.c"
    assert (version, digest) == ("v1", sha256(f"{KEY}:{sha256(signed)}"))
    assert abs(int(at) - time.time()) < 5
    assert told["x-polynode-client"] == "192.0.2.7"
    assert told["authorization"] == "Bearer a.b.c"


async def test_an_anonymous_caller_has_no_authorization_header(client: httpx.AsyncClient) -> None:
    told = await identity(client)
    signed = (
        f"{KEY}:{told['x-polynode-gateway'].split(' ')[1]}:{told['x-correlation-id']}:127.0.0.1:"
    )
    assert told["x-polynode-gateway"].endswith(sha256(f"{KEY}:{sha256(signed)}"))
    assert "authorization" not in told


async def test_headers_from_outside_go_no_further(client: httpx.AsyncClient) -> None:
    forged = f"v1 {int(time.time())} {'0' * 64}"
    told = await identity(client, x_polynode_gateway=forged, x_user_id="1", cookie="a=b")
    assert told["x-polynode-gateway"] != forged
    assert set(told) == {
        *("accept", "connection", "content-type", "traceparent"),
        *("x-correlation-id", "x-polynode-client", "x-polynode-gateway"),
    }


async def test_a_correlation_id_is_kept_and_returned(client: httpx.AsyncClient) -> None:
    mine = str(uuid4())
    answer = await client.post("/graphql", json=BOUGHT, headers={"x-correlation-id": mine})
    assert answer.headers["x-correlation-id"] == mine
    assert (await identity(client, x_correlation_id=mine))["x-correlation-id"] == mine


async def test_a_malformed_correlation_id_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=BOUGHT, headers={"x-correlation-id": "1; DROP"})
    assert UUID(answer.headers["x-correlation-id"]).version == 4


async def test_a_trace_is_continued_or_begun(client: httpx.AsyncClient) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert (await identity(client, traceparent=trace))["traceparent"] == trace
    begun = await identity(client, traceparent="nonsense")
    expected = begun["x-correlation-id"].replace("-", "")
    assert re.fullmatch(rf"00-{expected}-[0-9a-f]{{16}}-01", begun["traceparent"])


@pytest.mark.parametrize("origin", ["https://evil.test", "null", f"{ORIGIN}.evil.test"])
async def test_pages_of_other_sites_are_refused(client: httpx.AsyncClient, origin: str) -> None:
    answer = await client.post("/graphql", json=BOUGHT, headers={"origin": origin})
    assert (answer.status_code, code_of(answer.json())) == (403, "FORBIDDEN")


async def test_our_own_pages_are_served(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=BOUGHT, headers={"origin": ORIGIN})
    assert answer.status_code == 200


async def test_another_allowed_origin_gets_its_cors_headers(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(POLYNODE_ALLOWED_ORIGINS="https://partner.test")
    headers = {"origin": "https://partner.test"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers) as client:
        preflight = await client.options("/graphql")
        answer = await client.post("/graphql", json=BOUGHT)
    assert preflight.status_code == 204
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-origin"] == "https://partner.test"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
async def test_posts_that_need_no_preflight_are_refused(
    client: httpx.AsyncClient, content_type: str
) -> None:
    body = json.dumps({"query": "mutation { buy }"})
    headers = {"content-type": content_type}
    answer = await client.post("/graphql", content=body, headers=headers)
    assert answer.status_code == 415
    assert (await ask(client, "{ bought }"))["data"] == {"bought": 0}


async def test_get_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", params={"query": "mutation { buy }"})
    assert answer.status_code == 405
    assert (await ask(client, "{ bought }"))["data"] == {"bought": 0}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" + json.dumps(BOUGHT).encode() + b"]", 400),
        (b"not json", 400),
        (b'"text"', 400),
        (b"null", 400),
        (b"{}", 400),
        (b'{"query": 1}', 400),
        (b'{"query": "{ bought }", "variables": [1]}', 400),
        (b'{"query": "{ bought }", "operationName": "Other"}', 400),
        (b'{"query": "{ bought", "variables": null}', 400),
    ],
)
async def test_a_body_that_is_no_request_is_refused(
    client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    answer = await client.post("/graphql", content=body, headers=JSON_TYPE)
    assert answer.status_code == status
    assert list(answer.json()) == ["errors"]


async def test_a_body_above_one_mebibyte_is_refused(client: httpx.AsyncClient) -> None:
    body = json.dumps({"query": "{ bought }", "extensions": {"x": "y" * 1_048_576}})
    answer = await client.post("/graphql", content=body, headers=JSON_TYPE)
    assert (answer.status_code, code_of(answer.json())) == (413, "BAD_USER_INPUT")


async def test_a_long_body_of_unknown_length_is_refused(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 1_048_576

    answer = await client.post("/graphql", content=pieces(), headers=JSON_TYPE)
    assert answer.status_code == 413


async def test_errors_show_their_code_and_nothing_internal(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "{ broken bought }")
    assert answer == {
        "data": {"broken": None, "bought": 0},
        "errors": [
            {"message": "Not yours.", "path": ["broken"], "extensions": {"code": "FORBIDDEN"}}
        ],
    }
    assert SECRET_URL not in json.dumps(answer)


async def test_an_uncoded_error_becomes_an_error_id(
    client: httpx.AsyncClient, gateway: Server
) -> None:
    answer = await ask(client, "{ crashed }")
    (error,) = answer["errors"]
    assert error["message"] == "Unexpected error."
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert UUID(error["extensions"]["errorId"]).version == 4
    unexpected, _operation = await logged(client, gateway, "{ crashed }")
    assert (unexpected["event"], unexpected["path"]) == ("unexpected", ["crashed"])
    assert SECRET_URL not in json.dumps(answer) + gateway.output.read_text()


async def test_variables_that_do_not_fit_are_the_clients_fault(client: httpx.AsyncClient) -> None:
    body = {"query": "query ($id: ID!) { book(id: $id) { title } }"}
    answer = await client.post("/graphql", json=body)
    assert (answer.status_code, code_of(answer.json())) == (400, "BAD_USER_INPUT")


async def test_passwords_and_tokens_stay_out_of_the_log(
    client: httpx.AsyncClient, gateway: Server
) -> None:
    secret = "canary-7f3a"
    headers = {"authorization": f"Bearer {secret}"}
    for query in (
        f'{{ book(id: "{secret}") {{ {secret.replace("-", "_")} }} }}',
        f'{{ "{secret}" }}',
    ):
        await client.post("/graphql", json={"query": query}, headers=headers)
    body = {"query": "query ($s: Float!) { slow(seconds: $s) }", "variables": {"s": secret}}
    await client.post("/graphql", json=body, headers=headers)
    await ask(client, "{ bought }")
    assert "canary" not in gateway.output.read_text()


async def test_a_bad_request_is_one_short_log_line(
    client: httpx.AsyncClient, gateway: Server
) -> None:
    query = f'query {"x" * 60_000} {{ nothing(a: "\r\nforged") }}'
    (line,) = await logged(client, gateway, query)
    assert line["codes"] == ["GRAPHQL_PARSE_FAILED"]
    assert max(map(len, gateway.output.read_bytes().splitlines())) <= 2_048


async def test_metrics_count_what_happened(client: httpx.AsyncClient) -> None:
    await client.post("/graphql", json={"query": "query Counted { bought }"})
    text = (await client.get("/metrics")).text
    labels = 'operation="Counted",type="query",transport="http"'
    assert f"polynode_gateway_request_seconds_count{{{labels}}} 1" in text
    assert 'polynode_gateway_breaker_state{subgraph="books"} 0' in text


async def test_other_paths_are_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).status_code == 404
    assert (await client.get("/graphql/x")).status_code == 404
