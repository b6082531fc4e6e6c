"""Through the edge: what a client says of itself is dropped, whoever it claims to be."""

from uuid import UUID, uuid4

from infra.stack import Stack
from tests.support.api import PASSWORD, Api
from tests.support.campus import Campus
from tests.support.inside import proof

SESSIONS = "{ viewer { sessions { address isCurrent } } }"


def claims(user_id: str | None) -> dict[str, str]:
    """Every header that some gateway somewhere believes."""
    names = ("x-user-id", "x-viewer-id", "x-forwarded-user", "x-remote-user", "x-auth-user")
    return dict.fromkeys(names, str(user_id)) | {
        "x-roles": "admin",
        "x-operator": "true",
        "x-polynode-user": str(user_id),
        "x-polynode-viewer": str(user_id),
        "x-forwarded-for": "198.51.100.7",
        "forwarded": "for=198.51.100.7",
        "x-real-ip": "198.51.100.7",
        "x-polynode-client": "198.51.100.7",
    }


async def test_nobody_becomes_somebody_by_saying_so(campus: Campus) -> None:
    victim = await campus.person("Vera")
    stranger = campus.visitor()
    stranger.headers = claims(victim.user_id)
    assert await stranger.ask("{ viewer { id } }") == {"viewer": None}


async def test_the_proof_of_a_gateway_is_worth_nothing_outside(
    campus: Campus, stack: Stack
) -> None:
    """Not even a good one: the headers that it vouches for are the edge's to write."""
    victim = await campus.person("Vera")
    caller = await campus.person("Theo")
    caller.headers = proof(stack, victim.token, client="198.51.100.7")
    caller.headers.pop("authorization")
    found = await caller.ask(f'{{ user(id: "{caller.user_id}") {{ id email }} viewer {{ id }} }}')
    assert found == {
        "user": {"id": caller.user_id, "email": caller.email},
        "viewer": {"id": caller.user_id},
    }


async def test_a_login_is_recorded_with_the_address_of_the_real_peer(campus: Campus) -> None:
    person = await campus.person("Vera")
    forger = Api(campus.url, campus.client, headers=claims(None))
    opened = await forger.do("login", "accessToken", email=person.email, password=PASSWORD)
    forger.token = opened["accessToken"]
    sessions = (await forger.ask(SESSIONS))["viewer"]["sessions"]
    assert {session["address"] for session in sessions} <= {"127.0.0.1", "::1"}
    assert len(sessions) == 2


async def test_connection_init_carries_a_token_and_nothing_else(campus: Campus) -> None:
    victim = await campus.person("Vera")
    forged = {"x-polynode-gateway": "v1 0 00", "x-correlation-id": str(uuid4())}
    async with campus.visitor().socket(**claims(victim.user_id), **forged) as socket:
        await socket.subscribe("{ viewer { id } }", {})
        assert await socket.data() == {"viewer": None}


async def test_a_correlation_id_is_a_uuid_or_ours(campus: Campus) -> None:
    own = str(uuid4())
    for sent, kept in ((own, True), ("../../etc/passwd", False), ("1" * 5_000, False)):
        response = await campus.visitor().post(
            {"query": "{ __typename }"}, **{"x-correlation-id": sent}
        )
        returned = response.headers["x-correlation-id"]
        assert (returned == sent) is kept
        assert str(UUID(returned)) == returned
