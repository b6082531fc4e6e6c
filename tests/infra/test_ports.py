"""The public port is one stack's from its start to its end, and its origin is what people type."""

import socket

import pytest

from infra.stack import ports
from infra.stack.environment import Layout


@pytest.mark.parametrize("other", ["127.0.0.1", "0.0.0.0", "::"])  # noqa: S104, what is tested
def test_a_port_that_is_held_is_nobody_elses(other: str) -> None:
    with ports.public(0, "127.0.0.1") as first, ports.public(first, other) as second:
        assert second > first
        assert not ports.is_free(first)
    with ports.public(first, "127.0.0.1") as again:
        assert again == first


def test_one_address_is_enough_to_be_taken() -> None:
    with ports.public(0, "::1") as taken, ports.public(taken, "127.0.0.1") as chosen:
        assert chosen > taken


def test_the_edge_binds_beside_us_and_its_ended_connections_take_nothing() -> None:
    with ports.public(0, "127.0.0.1") as port, socket.socket() as edge:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):  # as Caddy does
            edge.setsockopt(socket.SOL_SOCKET, option, 1)
        edge.bind(("127.0.0.1", port))
        edge.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            edge.accept()[0].close()  # the side that closes first waits
            assert client.recv(1) == b""
    with ports.public(port, "127.0.0.1") as again:
        assert again == port


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
        ("0.0.0.0", "http://localhost:8000"),  # noqa: S104, what is tested
        ("::", "http://localhost:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("2001:db8::7", "http://[2001:db8::7]:8000"),
        ("polynode.test", "http://polynode.test:8000"),
    ],
)
def test_the_origin_follows_the_address(host: str, url: str) -> None:
    assert Layout(8000, host).url == url


@pytest.mark.parametrize(
    ("host", "url"),
    [("::", "http://school.test"), ("127.0.0.1", "http://localhost:8000")],
)
def test_only_a_wildcard_takes_its_origin_from_the_user(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    monkeypatch.setenv("POLYNODE_PUBLIC_URL", "http://school.test")

    assert Layout(8000, host).public_url == url
