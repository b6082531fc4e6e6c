"""What a gateway says counts only with its fresh proof, and only as a whole."""

import time

import pytest

from subgraphs.kernel.auth import GatewayProofs
from subgraphs.kernel.auth.gateway import MAX_AGE, prove
from tests.kernel.doors import KEY, proven

PROOFS = GatewayProofs(KEY)


def test_a_fresh_proof_holds_for_named_and_unnamed_callers() -> None:
    assert PROOFS.holds(proven())
    assert PROOFS.holds(proven(authorization="Bearer abc", client="192.0.2.7", correlation="c"))


EXPECTED = "ed11c2e7c7a09d09da51a01091041058a6621abfef2478b65f23d3d299d02038"


def test_the_proof_is_the_nested_hash_that_the_routers_compute() -> None:
    # Made with sha256sum, as a router's script would.
    made = prove("K", 1_700_000_000, correlation="c", client="192.0.2.7", authorization="Bearer t")
    assert made == f"v1 1700000000 {EXPECTED}"


@pytest.mark.parametrize(
    "altered",
    [
        {"authorization": "Bearer other"},
        {"authorization": ""},
        {"x-polynode-client": "192.0.2.8"},
        {"x-polynode-client": ""},
        {"x-correlation-id": "d"},
        {"x-polynode-client": "192.0.2.7:Bearer", "authorization": "abc"},
    ],
    ids=str,
)
def test_whatever_the_proof_binds_cannot_be_altered(altered: dict[str, str]) -> None:
    headers = proven(authorization="Bearer abc", client="192.0.2.7", correlation="c")
    assert not PROOFS.holds(headers | altered)


def test_a_part_that_the_proof_did_not_bind_cannot_be_added() -> None:
    assert not PROOFS.holds(proven() | {"authorization": "Bearer abc"})


@pytest.mark.parametrize(("age", "holds"), [(0, True), (58, True), (-58, True)])
def test_clocks_may_differ_by_a_minute(age: int, holds: bool) -> None:  # noqa: FBT001
    assert PROOFS.holds(proven(seconds=int(time.time()) - age)) is holds


@pytest.mark.parametrize("age", [MAX_AGE + 2, -MAX_AGE - 2, 86_400])
def test_a_proof_that_is_old_or_from_the_future_is_none(age: int) -> None:
    assert not PROOFS.holds(proven(seconds=int(time.time()) - age))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1",
        "v1 ",
        "v1  ",
        "v2 {now} {digest}",
        "v1 {now}",
        "v1 {now} ",
        "v1 {now} {digest} ",
        "v1 {now} {upper}",
        "v1 0{now} {digest}",
        "v1 +{now} {digest}",
        "v1 {now}.0 {digest}",
        "v1 ١٧٠٠٠٠٠٠٠٠ {digest}",  # noqa: RUF001, digits to Python
        "v1 ² {digest}",
        "v1 {nines} {digest}",
        "{now} {digest}",
    ],
)
def test_a_malformed_proof_is_none(header: str) -> None:
    _, now, digest = proven()["x-polynode-gateway"].split()
    forged = header.format(now=now, digest=digest, upper=digest.upper(), nines="9" * 5_000)
    assert not PROOFS.holds({"x-polynode-gateway": forged})


def test_without_a_proof_nothing_holds() -> None:
    assert not PROOFS.holds({})


@pytest.mark.parametrize("part", ["x-polynode-gateway", "authorization", "x-polynode-client"])
def test_what_json_can_say_but_nobody_can_encode_is_no_proof(part: str) -> None:
    lone = "\ud800"
    headers = proven()
    headers[part] = headers.get(part, "") + lone
    assert not PROOFS.holds(headers)


def test_two_keys_hold_while_one_replaces_the_other() -> None:
    both = GatewayProofs(" new , old ")
    assert both.holds(proven(key="new"))
    assert both.holds(proven(key="old"))
    assert not both.holds(proven(key="older"))
    assert not GatewayProofs("new").holds(proven(key="old"))


@pytest.mark.parametrize("keys", ["", " ", ",", " , "])
def test_there_is_no_default_key(keys: str) -> None:
    with pytest.raises(ValueError, match="The gateway key is empty"):
        GatewayProofs(keys)
