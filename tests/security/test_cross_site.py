"""What the page of another site can make a browser send, and that it achieves nothing."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from infra.stack import Stack
from tests.support.api import PASSWORD
from tests.support.campus import Campus
from tests.support.intruder import LEGACY, dial

REGISTER = "mutation ($input: RegisterInput!) { register(input: $input) { __typename } }"
BOUNDARY = "x-boundary-x"


def multipart(body: dict[str, Any]) -> bytes:
    """As the multipart request specification of file uploads has it."""
    parts = {"operations": json.dumps(body), "map": "{}"}
    lines = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    ]
    return ("".join(lines) + f"--{BOUNDARY}--\r\n").encode()


async def test_what_needs_no_preflight_changes_nothing(campus: Campus) -> None:
    """Forms, plain text and links are sent by browsers without asking the other site."""
    email = f"victim-{uuid4().hex}@example.com"
    body = {
        "query": REGISTER,
        "variables": {"input": {"name": "Vera", "email": email, "password": PASSWORD}},
    }
    text = json.dumps(body)
    form = urlencode({"query": REGISTER, "variables": json.dumps(body["variables"])}).encode()
    requests = {
        "text/plain": text.encode(),
        "text/plain; application/json": text.encode(),
        "application/x-www-form-urlencoded": form,
        f"multipart/form-data; boundary={BOUNDARY}": multipart(body),
        "application/graphql": REGISTER.encode(),
        "": text.encode(),
    }
    statuses = [
        (await campus.visitor().post(sent, **{"content-type": kind})).status_code
        for kind, sent in requests.items()
    ]
    assert statuses == [415] * len(requests)
    for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD"):
        response = await campus.client.request(
            method, f"{campus.url}/graphql", params={"query": REGISTER, "variables": text}
        )
        assert response.status_code == 405
    answer = await campus.visitor().do("login", email=email, password=PASSWORD)
    assert answer["code"] == "INVALID_CREDENTIALS"  # nobody was registered


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
async def test_a_page_of_another_site_is_refused(campus: Campus, origin: str) -> None:
    victim = await campus.person("Vera")
    response = await victim.post({"query": "{ viewer { email } }"}, origin=origin)
    assert response.status_code == 403
    assert victim.email not in response.text
    preflight = await campus.client.options(
        f"{campus.url}/graphql",
        headers={"origin": origin, "access-control-request-method": "POST"},
    )
    assert preflight.status_code == 403
    for answer in (response, preflight):
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_there_is_no_cookie_that_a_browser_could_add(campus: Campus) -> None:
    person = await campus.person("Vera")
    seen = [
        await person.post({"query": "{ viewer { id } }"}),
        await campus.client.get(campus.url),
        await campus.client.get(f"{campus.url}/graphiql/"),
    ]
    opened = await campus.visitor().do("login", email=person.email, password=PASSWORD)
    assert opened["__typename"] == "LoginSuccess"
    assert [answer for answer in seen if "set-cookie" in answer.headers] == []
    assert len(campus.client.cookies.jar) == 0


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
async def test_a_page_of_another_site_opens_no_socket(campus: Campus, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await dial(campus.url, origin=origin)
    assert refused.value.response.status_code == 403
    async with dial(campus.url, origin=campus.url) as own:
        await own.send('{"type": "connection_init"}')
        assert json.loads(await own.recv()) == {"type": "connection_ack"}


async def test_the_legacy_protocol_is_not_spoken(campus: Campus) -> None:
    async with dial(campus.url, protocol=LEGACY) as socket:
        assert socket.subprotocol is None
        await socket.wait_closed()
    assert socket.close_code == 4406


async def test_a_socket_that_does_not_introduce_itself_is_closed(strict: Stack) -> None:
    async with dial(strict.url) as silent:
        await silent.wait_closed()
    assert silent.close_code == 4408
    async with dial(strict.url) as hasty:
        subscribe = {"type": "subscribe", "id": "1", "payload": {"query": "{ viewer { id } }"}}
        await hasty.send(json.dumps(subscribe))
        await hasty.wait_closed()
    assert hasty.close_code == 4401
    async with dial(strict.url) as confused:
        await confused.send("no JSON")
        await confused.wait_closed()
    assert confused.close_code == 4400
