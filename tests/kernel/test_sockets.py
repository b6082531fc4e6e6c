"""Sockets at the door, on a real server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from subgraphs.kernel import door
from subgraphs.kernel.auth import gateway
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from tests.kernel.conftest import lend
from tests.kernel.doors import proven
from tests.kernel.sending import send_all
from tests.kernel.servers import Issuer, Served, serving
from tests.kernel.test_revocations import revoke

PROTOCOL = Subprotocol("graphql-transport-ws")
FOLLOW = "subscription ($id: UUID!) { lendings(id: $id, after: 0) { cursor } }"


@pytest.fixture
async def served(app: FastAPI) -> AsyncIterator[Served]:
    async with serving(app) as found:
        yield found


@pytest.fixture
def app_in_haste(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> FastAPI:
    """An app that waits for a greeting for a tenth of its ten seconds."""
    assert door.INIT_SECONDS == 10
    monkeypatch.setattr(door, "INIT_SECONDS", 0.1)
    made: FastAPI = request.getfixturevalue("app")
    return made


@asynccontextmanager
async def socket(served: Served, protocol: str = PROTOCOL) -> AsyncIterator[ClientConnection]:
    uri = f"ws://127.0.0.1:{served.port}/graphql"
    async with connect(uri, subprotocols=[Subprotocol(protocol)], compression=None) as opened:
        yield opened


@asynccontextmanager
async def admitted(served: Served, token: str | None = None) -> AsyncIterator[ClientConnection]:
    async with socket(served) as opened:
        payload = proven(authorization=f"Bearer {token}" if token else "")
        await say(opened, "connection_init", payload=payload)
        assert await hear(opened) == {"type": "connection_ack"}
        yield opened


async def say(opened: ClientConnection, type: str, **message: Any) -> None:
    await opened.send(orjson.dumps({"type": type, **message}).decode())


async def hear(opened: ClientConnection) -> Any:
    message = await asyncio.wait_for(opened.recv(), 10)
    assert isinstance(message, str)
    return orjson.loads(message)


async def closing(opened: ClientConnection) -> int:
    """Hear what still comes; return the code of the close."""
    with suppress(ConnectionClosed):
        while True:
            await hear(opened)
    assert opened.close_code is not None
    return opened.close_code


async def subscribe(opened: ClientConnection, book: UUID, id: str = "1") -> None:
    payload = {"query": FOLLOW, "variables": {"id": str(book)}}
    await say(opened, "subscribe", id=id, payload=payload)


async def ask(opened: ClientConnection, query: str) -> Any:
    await say(opened, "subscribe", id="q", payload={"query": query})
    answer = await hear(opened)
    assert (await hear(opened))["type"] == "complete"
    return answer["payload"]


@pytest.mark.parametrize(
    "payload",
    [{}, None, [], "x", proven(key="another"), proven(seconds=0), {gateway.HEADER: 7}],
    ids=str,
)
async def test_without_a_proof_a_socket_is_closed(served: Served, payload: object) -> None:
    async with socket(served) as opened:
        await say(opened, "connection_init", payload=payload)
        assert await closing(opened) in (4403, 4400)


async def test_a_proof_that_cannot_be_encoded_closes_the_socket(served: Served) -> None:
    async with socket(served) as opened:
        forged = f'{{"{gateway.HEADER}": "v1 1 \\ud800"}}'
        await opened.send(f'{{"type": "connection_init", "payload": {forged}}}')
        assert await closing(opened) == 4400


async def test_who_says_nothing_is_closed(
    app_in_haste: FastAPI,
) -> None:
    async with serving(app_in_haste) as served, socket(served) as opened:
        assert await closing(opened) == 4408


async def test_nothing_is_answered_before_the_greeting(served: Served, book: UUID) -> None:
    async with socket(served) as opened:
        await subscribe(opened, book)
        assert await closing(opened) == 4401


async def test_the_legacy_protocol_is_refused(served: Served) -> None:
    async with socket(served, "graphql-ws") as opened:
        assert await closing(opened) == 4406


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "[]",
        "7",
        "{}",
        '{"type": "unknown"}',
        '{"type": "subscribe", "id": [], "payload": {"query": "{ caller }"}}',
        '{"type": "subscribe", "id": "1", "payload": "{ caller }"}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ caller }", "variables": "x"}}',
        "[" * 10_000,
        b"binary",
    ],
    ids=lambda message: repr(message)[:40],
)
async def test_a_malformed_message_closes_the_socket(served: Served, message: str | bytes) -> None:
    async with admitted(served) as opened:
        await opened.send(message)
        assert await closing(opened) == 4400


async def test_a_socket_asks_in_the_name_of_its_token(served: Served, issuer: Issuer) -> None:
    user = uuid4()
    async with admitted(served, issuer.token(sub=str(user))) as opened:
        assert await ask(opened, "{ caller }") == {"data": {"caller": str(user)}}


async def test_a_bad_token_closes_the_socket(served: Served, issuer: Issuer) -> None:
    for token in ("x.y.z", issuer.token(exp=int(time.time()) - 100)):
        async with socket(served) as opened:
            payload = proven(authorization=f"Bearer {token}")
            await say(opened, "connection_init", payload=payload)
            assert await closing(opened) == 4401


async def test_before_the_keys_are_known_a_socket_is_told_to_come_back(
    app: FastAPI, issuer: Issuer
) -> None:
    issuer.down = True
    user = uuid4()
    token = issuer.token(sub=str(user))
    async with serving(app) as served:
        async with socket(served) as opened:
            await say(opened, "connection_init", payload=proven(authorization=f"Bearer {token}"))
            assert await closing(opened) == 1013
            assert opened.close_reason == "This part is out of service. Try again soon."
        issuer.down = False
        async with admitted(served, token) as opened:
            assert await ask(opened, "{ caller }") == {"data": {"caller": str(user)}}


async def test_events_are_replayed_and_then_arrive_live(
    served: Served, db: Database, bus: Bus, book: UUID
) -> None:
    cursors = []
    async with admitted(served) as opened:
        await subscribe(opened, book)
        for _ in range(3):
            await lend(db, book)
            await send_all(db, bus)
            cursors.append((await hear(opened))["payload"]["data"]["lendings"]["cursor"])
    assert cursors == ["1", "2", "3"]


async def test_twenty_operations_run_at_once_and_no_more(served: Served, book: UUID) -> None:
    async with admitted(served) as opened:
        for number in range(door.MAX_OPERATIONS + 1):
            await subscribe(opened, book, id=str(number))
        refused = await hear(opened)
    assert (refused["type"], refused["id"]) == ("error", str(door.MAX_OPERATIONS))
    assert refused["payload"] == [{"message": "Subscription limit reached"}]


async def test_a_socket_ends_with_its_token(served: Served, issuer: Issuer, book: UUID) -> None:
    token = issuer.token(exp=int(time.time()) + 2)
    async with admitted(served, token) as opened:
        await subscribe(opened, book)
        assert await closing(opened) == 4401


async def test_a_revoked_token_ends_its_sockets_and_no_others(
    served: Served, db: Database, bus: Bus, issuer: Issuer, book: UUID
) -> None:
    ada, bob = uuid4(), uuid4()
    tokens = [issuer.token(sub=str(ada)), issuer.token(sub=str(bob))]
    async with admitted(served, tokens[0]) as banned, admitted(served, tokens[1]) as other:
        await subscribe(banned, book)
        started = time.monotonic()
        await revoke(db, bus, ada, before=datetime.now(UTC))
        assert await closing(banned) == 4403
        assert time.monotonic() - started < 5
        assert await ask(other, "{ caller }") == {"data": {"caller": str(bob)}}
    async with socket(served) as again:
        payload = proven(authorization=f"Bearer {tokens[0]}")
        await say(again, "connection_init", payload=payload)
        assert await closing(again) == 4401


async def test_a_server_that_stops_tells_its_sockets_to_come_back(
    served: Served, book: UUID
) -> None:
    async with admitted(served) as opened:
        await subscribe(opened, book)
        await ask(opened, "{ caller }")
        started = time.monotonic()
        served.server.should_exit = True
        assert await closing(opened) == 1012
        await served.stopped
        assert time.monotonic() - started < 5


async def test_a_plain_request_for_a_socket_is_no_way_around(served: Served) -> None:
    with pytest.raises(InvalidStatus, match=r"HTTP 40[34]$"):
        async with connect(f"ws://127.0.0.1:{served.port}/graphql/other"):
            pass
