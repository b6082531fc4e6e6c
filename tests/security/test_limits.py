"""Documents and bodies beyond every limit, over HTTP and on sockets."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from infra.stack import Stack
from tests.security.hostile import HOSTILE, logins
from tests.support.api import eventually
from tests.support.campus import Campus
from tests.support.logbook import Logbook

REFUSALS = {"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}
MEGABYTE = 1_000_000
TRIES = 5


async def milliseconds(stack: Stack, correlation_id: str) -> float:
    """How long the gateway worked on a request, as it logged it."""

    async def line() -> dict[str, Any] | None:
        lines = stack.log("gateway").splitlines()
        found = (json.loads(line) for line in reversed(lines) if correlation_id in line)
        return next((line for line in found if line["event"] == "operation"), None)

    return float((await eventually(line))["milliseconds"])


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_refused_in_20_ms(
    campus: Campus, stack: Stack, name: str, record_property: Any
) -> None:
    times = []
    for attempt in range(10):
        id = str(uuid4())
        body = {"query": HOSTILE[name] + " " * attempt}  # each one unknown to every cache
        response = await campus.visitor().post(body, **{"x-correlation-id": id})
        answer = response.json()
        assert "data" not in answer
        assert {error["extensions"]["code"] for error in answer["errors"]} <= REFUSALS
        assert len(response.content) < 2_000
        times.append(await milliseconds(stack, id))
    record_property("milliseconds", min(times))
    assert min(times) < 20


async def test_hostile_documents_are_refused_on_a_socket_which_goes_on(campus: Campus) -> None:
    async with campus.visitor().socket() as socket:
        for name, document in HOSTILE.items():
            await socket.subscribe(document, {}, id=name)
            message = await socket.next()
            assert (message["type"], message["id"]) == ("error", name)
            assert {error["extensions"]["code"] for error in message["payload"]} <= REFUSALS
        await socket.subscribe("{ viewer { id } }", {}, id="after")
        assert await socket.data() == {"viewer": None}


async def test_a_document_of_many_logins_tries_none_of_them(campus: Campus) -> None:
    person = await campus.person("Vera")
    await campus.visitor().errors(logins(50, person.email))
    async with campus.visitor().socket() as socket:
        await socket.subscribe(logins(50, person.email), {})
        assert (await socket.next())["type"] == "error"
    # Six failures would make the seventh attempt wait.
    answer = await campus.visitor().do("login", email=person.email, password="not it")
    assert answer["code"] == "INVALID_CREDENTIALS"


async def test_operations_come_one_at_a_time(campus: Campus) -> None:
    for count in (1, 2, 1_000):
        response = await campus.visitor().post([{"query": "{ viewer { id } }"}] * count)
        assert response.status_code == 400
    async with campus.visitor().socket() as socket:
        await socket.connection.send(json.dumps([{"type": "ping"}] * 2))
        await socket.connection.wait_closed()
    assert socket.connection.close_code == 4400


@pytest.mark.parametrize("size", [101, 10**9, 2**31 - 1, -1, 0])
async def test_a_page_has_1_to_100_items_wherever_it_is(campus: Campus, size: int) -> None:
    person = await campus.person("Vera")
    for document in (
        "query ($n: Int) { courses(first: $n) { nodes { id } } }",
        "query ($n: Int) { courses(last: $n) { nodes { id } } }",
        "query ($n: Int) { viewer { enrollments(first: $n) { nodes { id } } } }",
        'query ($n: Int) { searchCourses(query: "a", first: $n) { nodes { score } } }',
    ):
        errors = await person.errors(document, n=size)
        assert {error["extensions"]["code"] for error in errors} <= {
            "INVALID_PAGE",
            "MAX_COST_EXCEEDED",
        }


async def test_a_page_beyond_an_integer_is_a_bad_value(campus: Campus) -> None:
    errors = await campus.visitor().errors("{ courses(first: 99999999999) { totalCount } }")
    assert {error["extensions"]["code"] for error in errors} == {"GRAPHQL_VALIDATION_FAILED"}


async def answer_while_sending(url: str, head: str, chunk: bytes, times: int) -> int:
    """Send a body until an answer comes; returns its status.

    Whoever refuses may hang up, and the reset of a connection may overtake the answer on it.
    """
    for _ in range(TRIES):
        with suppress(ConnectionError):
            return await _answer_while_sending(url, head, chunk, times)
    raise AssertionError(f"The connection was reset {TRIES} times without an answer.")


async def _answer_while_sending(url: str, head: str, chunk: bytes, times: int) -> int:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = f"POST /graphql HTTP/1.1\r\nHost: {parts.netloc}\r\n{head}\r\n\r\n"

    async def send() -> None:
        writer.write(request.encode())
        for _ in range(times):
            writer.write(chunk)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        line = await asyncio.wait_for(reader.readline(), 20)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()
    if not line:
        raise ConnectionResetError
    return int(line.split()[1])


async def test_a_body_of_30_megabytes_is_refused_at_the_edge(campus: Campus, stack: Stack) -> None:
    body = b" " * MEGABYTE
    chunk = f"{MEGABYTE:x}\r\n".encode() + body + b"\r\n"
    log = Logbook(stack.folder)
    typed = "Content-Type: application/json\r\n"
    declared = f"{typed}Content-Length: {30 * MEGABYTE}"
    assert await answer_while_sending(campus.url, declared, body, 30) == 413
    chunked = f"{typed}Transfer-Encoding: chunked"
    assert await answer_while_sending(campus.url, chunked, chunk, 30) == 413
    assert await campus.visitor().ask("{ viewer { id } }") == {"viewer": None}
    id = str(uuid4())
    await campus.visitor().post({"query": "{ viewer { id } }"}, **{"x-correlation-id": id})
    await eventually(log.shows("gateway", id))
    # Beside the two after it there is at most a connection that broke off.
    assert log.text("gateway").count("\n") <= 2 + 1


async def test_what_the_edge_lets_pass_the_gateway_bounds_to_a_mebibyte(campus: Campus) -> None:
    body = json.dumps({"query": "{ viewer { id } }", "variables": {"x": "x" * 1_500_000}}).encode()
    response = await campus.visitor().post(body)
    assert response.status_code == 413
    async with campus.visitor().socket() as socket:
        await socket.connection.send(body.decode())
        await socket.connection.wait_closed()
    assert socket.connection.close_code == 1009


@pytest.mark.parametrize(("size", "status"), [(20_000, 200), (30_000, 200), (60_000, 431)])
async def test_headers_are_bounded_at_the_edge(campus: Campus, size: int, status: int) -> None:
    """What passes there is not too long for anybody behind it."""
    for _ in range(5):
        response = await campus.visitor().post(
            {"query": "{ viewer { id } }"}, **{"x-anything": "x" * size}
        )
        assert response.status_code == status
