"""Server-sent events: the same operations for clients that have no WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.gateway.conftest import MakeGateway, Server, ask, code_of
from tests.gateway.test_sockets import token

EVENTS = {"accept": "text/event-stream"}


@asynccontextmanager
async def stream(
    gateway: Server, query: str, authorization: str = ""
) -> AsyncIterator[AsyncIterator[Any]]:
    """Iterates over the results of `next` events, until `complete`."""
    headers = EVENTS | ({"authorization": authorization} if authorization else {})
    async with (
        httpx.AsyncClient(base_url=gateway.url, timeout=10) as client,
        client.stream("POST", "/graphql", json={"query": query}, headers=headers) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream"
        yield results(response.aiter_lines())


async def results(lines: AsyncIterator[str]) -> AsyncIterator[Any]:
    async for line in lines:
        if line == "event: complete":
            return
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
    raise AssertionError("The stream broke off.")


async def test_events_carry_fields_of_other_subgraphs(gateway: Server) -> None:
    query = "subscription { ticks(to: 2) { number book { title reviews { stars } } } }"
    async with stream(gateway, query) as events:
        assert [event["data"]["ticks"] async for event in events] == [
            {"number": 0, "book": {"title": "Emma", "reviews": [{"stars": 0}]}},
            {"number": 1, "book": {"title": "Ulysses", "reviews": [{"stars": 1}]}},
        ]


async def test_a_query_is_one_event(gateway: Server) -> None:
    async with stream(gateway, "{ bought }") as events:
        assert [event async for event in events] == [{"data": {"bought": 0}}]


async def test_a_header_is_the_identity_of_a_stream(gateway: Server) -> None:
    mine = token()
    async with stream(gateway, "subscription { identity }", mine) as events:
        told = json.loads((await anext(events))["data"]["identity"])
    assert told["authorization"] == mine


async def test_a_stream_ends_with_its_token(gateway: Server) -> None:
    async with stream(gateway, "subscription { held }", token(seconds=1)) as events:
        assert "held" in (await anext(events))["data"]
        rest = [event async for event in events]
    assert [code_of(event) for event in rest] == ["UNAUTHENTICATED"]


async def test_a_stream_ends_when_its_user_is_barred(gateway: Server) -> None:
    for field in ("banned", "revoked"):
        async with (
            asyncio.timeout(5),
            stream(gateway, f"subscription {{ {field} }}", token()) as events,
        ):
            first, last = [event async for event in events]
        assert first == {"data": {field: 1}}
        assert code_of(last) == "UNAUTHENTICATED"


async def test_each_event_has_its_own_errors(gateway: Server) -> None:
    async with stream(gateway, "subscription { flaky { value } }") as events:
        received = [event async for event in events]
    assert [event["data"]["flaky"]["value"] for event in received] == [0, None, 2]
    assert ["errors" in event for event in received] == [False, True, False]


async def test_a_client_that_leaves_ends_the_subscription_in_the_subgraph(
    make_gateway: MakeGateway, make_subgraph: Callable[[], Server]
) -> None:
    shop = make_subgraph()
    gateway = make_gateway(books=shop.url)
    async with stream(gateway, "subscription { held }") as events:
        assert (await anext(events))["data"] == {"held": 1}
    async with httpx.AsyncClient(base_url=gateway.url) as client, asyncio.timeout(10):
        while (await ask(client, "{ holding }"))["data"] != {"holding": 0}:
            pass


async def test_a_subscription_needs_a_stream(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "subscription { held }"})
    assert (answer.status_code, code_of(answer.json())) == (406, "BAD_USER_INPUT")
