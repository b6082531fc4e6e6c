"""Which addresses are one caller's."""

import pytest

from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.kernel.limits.networks import network_of
from tests.kernel import shelf
from tests.kernel.test_graphql import ADA


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:0db8:0001:0002:0000:0000:0000:0001", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "192.0.2.2"),
        ("", ""),
        ("no address", "no address"),
        ("2001:db8::/64", "2001:db8::/64"),
    ],
)
def test_an_ipv6_site_is_one_caller_and_an_ipv4_address_is_one(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("viewer", [Viewer(), ADA])
async def test_a_new_address_of_a_site_opens_no_new_bucket(
    db: Database, bus: Bus, viewer: Viewer
) -> None:
    spent: list[tuple[str, int, str]] = []
    clients = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
    for client in clients:
        context = graphql.Context(
            db,
            bus,
            shelf.Loaders.build,
            viewer=viewer,
            client=client,
            spend=lambda *paid: spent.append(paid),
        )
        result = await shelf.make_schema().execute("{ caller }", context_value=context)
        assert result.errors is None
        assert context.client == client

    networks = ["2001:db8::/64", "2001:db8::/64", "2001:db8:0:1::/64"]
    own = [f"user:{ADA.user_id}"] * 3 if viewer is ADA else [f"anonymous:{n}" for n in networks]
    assert spent == [(caller, 1, network) for caller, network in zip(own, networks, strict=True)]
