"""WebSockets: who may open one, what may run on it, and when it ends."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.gateway.conftest import ORIGIN, MakeGateway, Server, ask

MODERN, LEGACY = Subprotocol("graphql-transport-ws"), Subprotocol("graphql-ws")


def token(subject: str = "ada", seconds: float = 600) -> str:
    """A bearer header with these claims; nobody here checks its signature."""
    claims = json.dumps({"sub": subject, "exp": time.time() + seconds}).encode()
    return f"Bearer e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.sig"


def dial(gateway: Server, origin: str | None = None, protocol: Subprotocol = MODERN) -> connect:
    url = f"ws://127.0.0.1:{gateway.port}/graphql"
    return connect(url, subprotocols=[protocol], origin=Origin(origin) if origin else None)


@asynccontextmanager
async def opened(gateway: Server, **payload: str) -> AsyncIterator[ClientConnection]:
    async with dial(gateway) as socket:
        await send(socket, type="connection_init", payload=payload)
        assert await receive(socket) == {"type": "connection_ack"}
        yield socket


async def send(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def receive(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def subscribe(socket: ClientConnection, query: str, id: str = "1") -> None:
    await send(socket, type="subscribe", id=id, payload={"query": query})


async def close_code(socket: ClientConnection, within: float = 10) -> int | None:
    """Wait for the gateway to close, and return its code."""
    await asyncio.wait_for(socket.wait_closed(), within)
    return socket.close_code


async def test_events_carry_fields_of_other_subgraphs(gateway: Server) -> None:
    async with opened(gateway) as socket:
        await subscribe(
            socket, "subscription { ticks(to: 2) { number book { reviews { stars } } } }"
        )
        messages = [await receive(socket) for _ in range(3)]
    assert [message["type"] for message in messages] == ["next", "next", "complete"]
    assert [message["payload"]["data"]["ticks"] for message in messages[:2]] == [
        {"number": 0, "book": {"reviews": [{"stars": 0}]}},
        {"number": 1, "book": {"reviews": [{"stars": 1}]}},
    ]


async def test_queries_and_mutations_run_on_a_socket(gateway: Server) -> None:
    async with opened(gateway) as socket:
        await subscribe(socket, "{ book(id: 1) { title } }")
        assert (await receive(socket))["payload"] == {"data": {"book": {"title": "Ulysses"}}}
        assert (await receive(socket))["type"] == "complete"


@pytest.mark.parametrize("key", ["authorization", "Authorization"])
async def test_only_the_token_of_connection_init_reaches_subgraphs(
    gateway: Server, key: str
) -> None:
    mine = token()
    forged = {"x-polynode-client": "10.0.0.1", "x-polynode-gateway": "v1 1 00", "x-role": "admin"}
    names = {"authorization", "traceparent"} | {f"x-{n}" for n in ("correlation-id",)}
    names |= {"x-polynode-client", "x-polynode-gateway"}
    async with opened(gateway, **{key: mine}, **forged) as socket:
        await subscribe(socket, "subscription { identity }")
        live = json.loads((await receive(socket))["payload"]["data"]["identity"])
        await receive(socket)
        await subscribe(socket, "{ identity }", id="2")
        http = json.loads((await receive(socket))["payload"]["data"]["identity"])
    assert set(live) == names
    assert set(http) == names | {"accept", "connection", "content-type"}
    for told in (live, http):
        assert told["authorization"] == mine
        assert told["x-polynode-client"] == "127.0.0.1"
        assert told["x-polynode-gateway"] != "v1 1 00"


async def test_introspection_is_off_on_sockets_too(gateway: Server) -> None:
    async with opened(gateway) as socket:
        await subscribe(socket, "{ __schema { types { name } } }")
        assert (await receive(socket))["type"] == "error"


async def test_limits_hold_on_sockets_too(gateway: Server) -> None:
    many = " ".join(f"b{n}: buy" for n in range(50))
    async with opened(gateway) as socket:
        await subscribe(socket, f"mutation {{ {many} }}")
        message = await receive(socket)
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}
        await send(socket, type="subscribe", id="2", payload=[{"query": "{ bought }"}])
        assert await close_code(socket) == 4400


async def test_variables_that_do_not_fit_end_only_their_operation(gateway: Server) -> None:
    async with opened(gateway) as socket:
        await subscribe(socket, "query ($id: ID!) { book(id: $id) { title } }")
        (error,) = (await receive(socket))["payload"]["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert (await receive(socket))["type"] == "complete"
        await subscribe(socket, "{ bought }")
        assert (await receive(socket))["payload"] == {"data": {"bought": 0}}


@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
async def test_pages_of_other_sites_open_no_socket(gateway: Server, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await dial(gateway, origin)
    assert refusal.value.response.status_code == 403


async def test_our_own_pages_open_sockets(gateway: Server) -> None:
    async with dial(gateway, ORIGIN) as socket:
        assert socket.subprotocol == MODERN


async def test_the_legacy_protocol_is_refused(gateway: Server) -> None:
    async with dial(gateway, protocol=LEGACY) as socket:
        assert await close_code(socket) == 4406


async def test_a_socket_without_init_is_closed(make_gateway: MakeGateway) -> None:
    async with dial(make_gateway(GATEWAY_SOCKET_INIT_MS="200")) as socket:
        assert await close_code(socket) == 4408


async def test_a_subscription_before_init_is_refused(gateway: Server) -> None:
    async with dial(gateway) as socket:
        await subscribe(socket, "{ bought }")
        assert await close_code(socket) == 4401


async def test_a_socket_ends_when_its_token_does(gateway: Server) -> None:
    async with opened(gateway, authorization=token(seconds=1)) as socket:
        await subscribe(socket, "subscription { held }")
        started = time.monotonic()
        assert await close_code(socket) == 4401
        assert time.monotonic() - started < 2


async def test_an_expired_token_opens_no_socket(gateway: Server) -> None:
    async with dial(gateway) as socket:
        await send(socket, type="connection_init", payload={"authorization": token(seconds=-1)})
        assert await close_code(socket) == 4401


@pytest.mark.parametrize("field", ["banned", "revoked"])
async def test_a_socket_ends_when_a_subgraph_bars_its_user(gateway: Server, field: str) -> None:
    async with opened(gateway, authorization=token()) as socket:
        await subscribe(socket, f"subscription {{ {field} }}")
        assert (await receive(socket))["payload"] == {"data": {field: 1}}
        assert await close_code(socket, within=5) == 4403


async def test_an_anonymous_socket_survives_a_refusal(gateway: Server) -> None:
    async with opened(gateway) as socket:
        await subscribe(socket, "subscription { revoked }")
        assert (await receive(socket))["payload"] == {"data": {"revoked": 1}}
        (error,) = (await receive(socket))["payload"]["errors"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED"}
        assert (await receive(socket))["type"] == "complete"


async def test_a_socket_runs_at_most_twenty_operations(gateway: Server) -> None:
    async with opened(gateway, authorization=token("busy")) as socket:
        for number in range(20):
            await subscribe(socket, "subscription { held }", id=str(number))
        assert {(await receive(socket))["type"] for _ in range(20)} == {"next"}
        await subscribe(socket, "{ bought }", id="one too many")
        message = await receive(socket)
        assert (message["type"], message["id"]) == ("error", "one too many")
        assert message["payload"][0]["extensions"] == {"code": "TOO_MANY_OPERATIONS"}


async def test_a_user_holds_a_limited_number_of_sockets(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(GATEWAY_SOCKETS_PER_USER="2")
    async with (
        opened(gateway, authorization=token()),
        opened(gateway, authorization=token()) as last,
    ):
        async with dial(gateway) as third:
            await send(third, type="connection_init", payload={"authorization": token()})
            assert await close_code(third) == 4429
        async with opened(gateway, authorization=token("grace")):
            pass
        await last.close()
        async with opened(gateway, authorization=token()):
            pass


async def test_forged_names_open_a_limited_number_of_sockets(make_gateway: MakeGateway) -> None:
    """Fifty times what a user may hold; who was admitted by a subgraph no longer counts."""
    gateway = make_gateway(GATEWAY_SOCKETS_PER_USER="1")
    async with AsyncExitStack() as stack:
        names = [token(f"forged {number}") for number in range(50)]
        sockets = [
            await stack.enter_async_context(opened(gateway, authorization=name)) for name in names
        ]
        async with dial(gateway) as one_more:
            assert await close_code(one_more) == 4429
        await subscribe(sockets[0], "subscription { held }")
        await receive(sockets[0])
        async with (
            opened(gateway, authorization=token("grace")),
            dial(gateway) as another,
        ):
            assert await close_code(another) == 4429


async def test_a_subscription_given_up_ends_in_the_subgraph(
    make_gateway: MakeGateway, make_subgraph: Callable[[], Server]
) -> None:
    shop = make_subgraph()
    async with opened(make_gateway(books=shop.url)) as socket:
        for id in ("1", "2"):
            await subscribe(socket, "subscription { held }", id=id)
            assert (await receive(socket))["payload"]["data"]["held"] in {1, 2}
        await send(socket, type="complete", id="1")
        await subscribe(socket, "subscription { held }", id="3")
        assert (await receive(socket))["payload"] == {"data": {"held": 2}}


async def test_a_reader_that_stops_reading_is_cut_off(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    async with opened(gateway) as socket, httpx.AsyncClient(base_url=gateway.url) as client:
        await subscribe(socket, "subscription { flood(events: 2000) }")
        socket.transport.pause_reading()
        async with asyncio.timeout(20):
            while 'sockets_ended_total{code="4413"}' not in (await client.get("/metrics")).text:
                await ask(client, "{ slow(seconds: 0.1) }")
        socket.transport.resume_reading()


async def test_a_subgraph_that_goes_takes_the_socket_along(
    make_gateway: MakeGateway, make_subgraph: Callable[[], Server]
) -> None:
    shop = make_subgraph()
    async with opened(make_gateway(books=shop.url)) as socket:
        await subscribe(socket, "subscription { held }")
        assert (await receive(socket))["payload"] == {"data": {"held": 1}}
        shop.process.kill()
        assert await close_code(socket) == 1012
