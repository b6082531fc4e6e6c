"""Subgraphs that are down, hang or reset connections; and a gateway that is asked to go."""

import asyncio
import json
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.gateway.conftest import KEY, MakeGateway, Server, ask, code_of
from tests.gateway.test_events import stream
from tests.gateway.test_sockets import close_code, opened, receive, subscribe

JOINED = "{ book(id: 1) { title reviews { stars } } }"
NOBODY = "http://127.0.0.1:9"
UNAVAILABLE = {
    "message": 'The service "reviews" is not available at the moment.',
    "path": ["book"],
    "extensions": {"code": "SERVICE_UNAVAILABLE", "service": "reviews"},
}


@asynccontextmanager
async def resetting() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A subgraph that takes a request and hangs up; its URL, and the requests it took."""
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", taken


async def test_a_subgraph_that_is_down_costs_only_its_own_fields(make_gateway: MakeGateway) -> None:
    async with httpx.AsyncClient(base_url=make_gateway(reviews=NOBODY).url) as client:
        answer = await ask(client, JOINED)
    assert answer == {
        "data": {"book": {"title": "Ulysses", "reviews": None}},
        "errors": [UNAVAILABLE],
    }


async def test_a_null_that_may_not_be_takes_its_parent_along(make_gateway: MakeGateway) -> None:
    async with httpx.AsyncClient(base_url=make_gateway(reviews=NOBODY).url) as client:
        one = await ask(client, "{ bought book(id: 1) { title certain } }")
        many = await ask(client, "{ bought books { ...B } } fragment B on Book { title certain }")
    assert (one["data"], code_of(one)) == ({"bought": 0, "book": None}, "SERVICE_UNAVAILABLE")
    assert (many["data"], code_of(many)) == (None, "SERVICE_UNAVAILABLE")


async def test_a_subgraph_that_hangs_is_given_up_then_refused_at_once_then_found_again(
    make_gateway: MakeGateway, make_subgraph: Callable[[], Server]
) -> None:
    reviews = make_subgraph()
    gateway = make_gateway(reviews=reviews.url, GATEWAY_QUERY_TIMEOUT_MS="1000")
    async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
        assert "errors" not in await ask(client, JOINED)
        reviews.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        answers = await asyncio.gather(*(ask(client, JOINED) for _ in range(5)))
        assert 1 <= time.monotonic() - started < 5
        assert [answer["errors"] for answer in answers] == [[UNAVAILABLE]] * 5

        started = time.monotonic()
        refused = [await ask(client, JOINED) for _ in range(20)]
        assert time.monotonic() - started < 5  # Waiting would have taken twenty seconds.
        assert [code_of(answer) for answer in refused] == ["SERVICE_UNAVAILABLE"] * 20
        assert 'breaker_state{subgraph="reviews"} 2' in (await client.get("/metrics")).text
        assert (await ask(client, "{ bought }"))["data"] == {"bought": 0}

        reviews.process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(15):
            while "errors" in await ask(client, JOINED):
                await ask(client, "{ slow(seconds: 0.05) }")
        assert 'breaker_state{subgraph="reviews"} 0' in (await client.get("/metrics")).text


async def test_while_a_probe_is_out_the_others_are_refused_at_once(
    make_gateway: MakeGateway, make_subgraph: Callable[[], Server]
) -> None:
    reviews = make_subgraph()
    gateway = make_gateway(reviews=reviews.url, GATEWAY_QUERY_TIMEOUT_MS="4000")
    async with httpx.AsyncClient(base_url=gateway.url, timeout=20) as client:
        reviews.process.send_signal(signal.SIGSTOP)
        await asyncio.gather(*(ask(client, JOINED) for _ in range(5)))
        async with asyncio.timeout(10):
            while True:
                probe = asyncio.create_task(ask(client, JOINED))
                await ask(client, "{ slow(seconds: 0.1) }")
                if not probe.done():
                    break
        started = time.monotonic()
        assert code_of(await ask(client, JOINED)) == "SERVICE_UNAVAILABLE"
        assert time.monotonic() - started < 2
        assert code_of(await probe) == "SERVICE_UNAVAILABLE"


async def test_a_mutation_that_times_out_is_not_sent_again(
    make_gateway: MakeGateway, make_subgraph: Callable[[], Server]
) -> None:
    gateway = make_gateway(books=make_subgraph().url, GATEWAY_MUTATION_TIMEOUT_MS="300")
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        answer = await ask(client, "mutation { buy(seconds: 1) }")
        assert code_of(answer) == "SERVICE_UNAVAILABLE"
        assert (await ask(client, "{ slow(seconds: 1) bought }"))["data"]["bought"] == 1


async def test_the_requests_of_an_operation_to_a_subgraph_share_its_time(
    make_gateway: MakeGateway, make_subgraph: Callable[[], Server]
) -> None:
    """What one takes is not missing to the others: they may have had to wait for it."""
    limits = {"GATEWAY_QUERY_TIMEOUT_MS": "1000", "GATEWAY_MUTATION_TIMEOUT_MS": "1000"}
    gateway = make_gateway(books=make_subgraph().url, **limits)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        slow = await ask(client, "{ slowBook(seconds: 0.7) { title opinion(seconds: 0.7) } }")
        assert slow == {"data": {"slowBook": {"title": "Ulysses", "opinion": "good"}}}

        bought = await ask(client, "mutation { buy(seconds: 0.7) postReview b: buy(seconds: 0.7) }")
        assert code_of(bought) == "SERVICE_UNAVAILABLE"


async def test_each_event_of_a_subscription_has_its_own_time(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(GATEWAY_QUERY_TIMEOUT_MS="1000")
    query = "subscription { ticks(to: 3) { book { opinion(seconds: 0.5) } } }"
    async with stream(gateway, query) as events:
        assert [event async for event in events] == [
            {"data": {"ticks": {"book": {"opinion": "good"}}}}
        ] * 3


async def test_after_a_reset_only_a_query_is_sent_again(make_gateway: MakeGateway) -> None:
    async with (
        resetting() as (url, taken),
        httpx.AsyncClient(base_url=make_gateway(books=url).url) as client,
    ):
        assert code_of(await ask(client, "mutation { buy }")) == "SERVICE_UNAVAILABLE"
        assert len(taken) == 1
        assert code_of(await ask(client, "{ bought }")) == "SERVICE_UNAVAILABLE"
        assert len(taken) == 3


async def test_transport_errors_tell_no_address(make_gateway: MakeGateway) -> None:
    async with resetting() as (url, _taken):
        gateway = make_gateway(books=url, reviews=NOBODY)
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            text = json.dumps(
                [await ask(client, "{ bought }"), await ask(client, "{ reviewCount }")]
            )
    assert "127.0.0.1" not in text
    assert "ECONN" not in text


async def test_a_subgraph_that_does_not_know_our_key_is_unavailable(
    make_gateway: MakeGateway,
) -> None:
    """Its 401 is about the gateway, not about the caller."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"data":null,"errors":[{"message":"No.","extensions":{"code":"FORBIDDEN"}}]}'
        head = b"HTTP/1.1 401 No\r\ncontent-type: application/json\r\nconnection: close\r\n"
        writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=make_gateway(books=url).url) as client:
            assert code_of(await ask(client, "{ bought }")) == "SERVICE_UNAVAILABLE"


async def test_a_subscription_to_a_subgraph_that_is_down_is_an_error(
    make_gateway: MakeGateway,
) -> None:
    async with opened(make_gateway(books=NOBODY)) as socket:
        await subscribe(socket, "subscription { held }")
        (error,) = (await receive(socket))["payload"]["errors"]
        assert error["extensions"] == {"code": "SERVICE_UNAVAILABLE", "service": "books"}


async def test_a_gateway_asked_to_go_finishes_its_work(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    async with (
        httpx.AsyncClient(base_url=gateway.url) as client,
        opened(gateway) as socket,
        stream(gateway, "subscription { held }") as events,
    ):
        assert "held" in (await anext(events))["data"]
        running = asyncio.create_task(ask(client, "{ slow(seconds: 1) }"))
        while "upstream" not in (await client.get("/metrics")).text:
            pass
        await ask(client, "{ bought }")
        gateway.process.send_signal(signal.SIGTERM)
        assert await close_code(socket) == 1012
        assert [code_of(event) async for event in events] == ["SERVICE_UNAVAILABLE"]
        assert await running == {"data": {"slow": "done"}}
    assert await asyncio.to_thread(gateway.process.wait, 10) == 0


async def test_work_that_does_not_end_is_given_up(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(GATEWAY_DRAIN_MS="300")
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        running = asyncio.create_task(
            client.post("/graphql", json={"query": "{ slow(seconds: 20) }"})
        )
        await ask(client, "{ slow(seconds: 0.2) }")
        gateway.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.process.wait, 4) == 0
        (outcome,) = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(outcome, httpx.RemoteProtocolError | httpx.ReadError)


async def test_a_new_supergraph_is_taken_up_and_a_broken_one_is_not(
    make_gateway: MakeGateway, supergraph: Path, tmp_path: Path
) -> None:
    served = tmp_path / "served.graphql"
    shutil.copy(supergraph, served)
    gateway = make_gateway(POLYNODE_SUPERGRAPH=str(served))

    async def until(event: str) -> None:
        async with asyncio.timeout(15):
            while event not in {line["event"] for line in gateway.log()}:
                await ask(client, "{ slow(seconds: 0.1) }")

    async with httpx.AsyncClient(base_url=gateway.url, timeout=10) as client:
        served.write_text("type Query {")
        await until("reload failed")
        assert (await ask(client, "{ bought }"))["data"] == {"bought": 0}
        async with (
            opened(gateway) as socket,
            stream(gateway, "subscription { held }") as events,
        ):
            await subscribe(socket, "subscription { held }")
            assert (await receive(socket))["type"] == "next"
            assert "held" in (await anext(events))["data"]
            shutil.copy(supergraph, served)
            await until("reloaded")
            assert await close_code(socket) == 1012
            assert [code_of(event) async for event in events] == ["SERVICE_UNAVAILABLE"]
        assert (await ask(client, "{ bought }"))["data"] == {"bought": 0}
        async with opened(gateway) as socket:
            await subscribe(socket, "subscription { ticks(to: 1) { book { reviews { stars } } } }")
            assert (await receive(socket))["payload"] == {
                "data": {"ticks": {"book": {"reviews": [{"stars": 0}]}}}
            }


def test_a_gateway_without_a_key_does_not_start(make_gateway: MakeGateway) -> None:
    with pytest.raises(AssertionError, match="not start: POLYNODE_GATEWAY_KEY is not set") as told:
        make_gateway(POLYNODE_GATEWAY_KEY="")
    assert KEY not in str(told.value)
