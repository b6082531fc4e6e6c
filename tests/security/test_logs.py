"""What ends up in the logs: little of a bad request, nothing that looks like a line, no secret."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.stack import Stack, credentials, folder, logs
from tests.support.api import PASSWORD, Api, eventually
from tests.support.campus import Campus
from tests.support.logbook import Logbook, everything

REQUESTS = 20
LINE = 2_048
"""Bytes that a bad request may write, in all logs together."""

INJECTED = '\r\n{"level":"error","event":"injected"}\r\ninjected: yes'


def of_requests(written: dict[str, str]) -> dict[str, str]:
    """Without Postgres and Valkey, which write at times of their own."""
    return {name: text for name, text in written.items() if name not in ("postgres", "valkey")}


async def flood(caller: Api, marker: str) -> list[str]:
    """Bad requests of every kind, each as long as it may be; the correlation ids of most."""
    long = "x" * 60_000
    bodies: list[Any] = [
        {"query": f"{{ {marker} {long} }}"},
        {"query": f"query {marker}{long} {{ viewer {{ id }} }}"},
        {"query": "{ viewer { id } }", "operationName": f"{marker}{INJECTED}{long}"},
        {"query": f'{{ course(slug: "{marker}{long}") {{ id }} }}'},
        {"query": f'{{ course(id: "{marker}{long}") {{ id }} }}'},
        {"query": f"{{ courses(after: {json.dumps(marker + INJECTED)}) {{ totalCount }} }}"},
        {
            "query": "query ($id: UUID!) { course(id: $id) { id } }",
            "variables": {"id": marker + INJECTED + long},
        },
        f"{marker}{INJECTED}{long}".encode(),
        {"query": 7, "variables": marker + long},
    ]
    headers = [
        {"user-agent": marker + "u" * 20_000},
        {"x-correlation-id": marker + "c" * 20_000},
        {"traceparent": marker + "t" * 20_000},
        {"authorization": f"Bearer {marker}" + "a" * 7_000},
        {"authorization": f"Bearer {marker}.{'a' * 3_000}.b"},
    ]
    requests: list[tuple[Any, dict[str, str]]] = [(body, {}) for body in bodies]
    requests += [({"query": "{ viewer { id } }"}, extra) for extra in headers]
    ids = []
    for body, extra in requests:
        ids.append(str(uuid4()))
        await caller.post(body, **{"x-correlation-id": ids[-1], **extra})
        if "x-correlation-id" in extra:
            ids.pop()
    for path in (f"/{marker}%0d%0a{marker}", f"/graphql/{marker}", f"/graphql?{marker}%0ainjected"):
        await caller.client.get(caller.url + path)
    return ids


async def settled(caller: Api, stack: Stack) -> None:
    """Wait until the gateway has written about everything before this."""
    id, log = str(uuid4()), Logbook(stack.folder)
    await caller.post({"query": "{ viewer { id } }"}, **{"x-correlation-id": id})
    await eventually(log.shows("gateway", id))


async def test_a_bad_request_writes_at_most_two_kilobytes(campus: Campus, stack: Stack) -> None:
    caller, marker = campus.visitor(), f"canary{uuid4().hex}"
    await settled(caller, stack)
    log = Logbook(stack.folder)
    ids = await flood(caller, marker)
    await settled(caller, stack)
    written = of_requests(log.texts())
    assert len(ids) == 9 + 4
    assert [ids.index(id) for id in ids if id not in written["gateway"]] == []
    total = sum(len(text.encode()) for text in written.values())
    assert total < (9 + 5 + 3) * LINE
    assert all(len(line.encode()) <= LINE for text in written.values() for line in text.split("\n"))


async def test_no_value_of_a_client_begins_a_line_of_its_own(campus: Campus, stack: Stack) -> None:
    marker, log = f"canary{uuid4().hex}", Logbook(stack.folder)
    ids = await flood(campus.visitor(), marker)
    async with campus.visitor().socket(authorization=f"{marker}{INJECTED}") as socket:
        await socket.subscribe(f"query {marker} {{ viewer {{ id }} }}", {}, id=marker + INJECTED)
        await socket.next()
    await settled(campus.visitor(), stack)
    written = log.texts()
    assert [ids.index(id) for id in ids if id not in written["gateway"]] == []
    for name, text in written.items():
        lines = text.splitlines()
        assert [line for line in lines if line.startswith(("injected", marker))] == [], name
        if name in ("gateway", "edge") or name.startswith("subgraphs"):
            parsed = [json.loads(line) for line in lines if line.startswith("{")]
            assert [line for line in parsed if line.get("event") == "injected"] == [], name


async def journey(campus: Campus) -> set[str]:
    """Do everything that has to do with a secret, also wrongly; returns the secrets."""
    secrets = {PASSWORD, "correct tractor 9 canary", "wrong canary password"}
    instructor, organization_id = await campus.instructor()
    secrets |= {str(instructor.token), str(instructor.refresh_token)}
    await instructor.refresh()
    secrets |= {str(instructor.token), str(instructor.refresh_token)}
    made = await instructor.do(
        "createApiClient",
        "secret client { id }",
        organizationId=organization_id,
        name="Canary",
        scopes=["courses:read"],
    )
    token = await campus.visitor().do(
        "clientToken",
        "accessToken",
        clientId=made["client"]["id"],
        clientSecret=made["secret"],
    )
    secrets |= {made["secret"], token["accessToken"]}
    invited = await instructor.do(
        "inviteMember",
        "token",
        organizationId=organization_id,
        email="canary@example.com",
        role="STUDENT",
    )
    secrets.add(invited["token"])
    await instructor.do(
        "changePassword", currentPassword=PASSWORD, newPassword="correct tractor 9 canary"
    )
    return secrets


async def mistakes(campus: Campus, secrets: set[str]) -> None:
    """Send secrets where they do not belong, so that an error could quote them."""
    visitor = campus.visitor()
    for secret in secrets:
        await visitor.post({"query": f'mutation {{ login(password: "{secret}") {{ x }} }}'})
        await visitor.post({"query": f'mutation {{ login(input: "{secret}") }} }} "{secret}'})
        await visitor.post(
            {
                "query": "mutation ($input: LoginInput!) { login(input: $input) { __typename } }",
                "variables": {"input": {"password": secret, "email": [secret]}},
            }
        )
        await visitor.post({"query": "{ viewer { id } }"}, authorization=f"Basic {secret}")
        await visitor.post({"query": "{ viewer { id } }"}, authorization=f"Bearer {secret}x")
        await visitor.do("login", email="canary@example.com", password=secret)
        await visitor.do("refreshSession", refreshToken=secret + "x")
        async with visitor.socket(authorization=f"Bearer {secret}x") as socket:
            await socket.subscribe("{ viewer { id } }", {})
            await socket.next()


async def test_no_secret_is_ever_logged(campus: Campus, stack: Stack, record_property: Any) -> None:
    secrets = await journey(campus)
    await mistakes(campus, secrets)
    await settled(campus.visitor(), stack)
    own = credentials.load(stack.folder)
    secrets |= {
        own.gateway_key,
        own.users_key_secret,
        own.valkey_password,
        own.postgres_password,
        *own.database_passwords.values(),
    }
    assert len(secrets) >= 16
    written = everything(stack.folder)
    assert {"edge", "gateway", "postgres", "valkey", "worker", "up"} <= set(written)
    found = {
        (name, secret) for name, text in written.items() for secret in secrets if secret in text
    }
    record_property("secrets", len(secrets))
    record_property("kilobytes", sum(map(len, written.values())) // 1_000)
    assert found == set()


async def test_the_bad_requests_were_logged_at_all(campus: Campus, stack: Stack) -> None:
    """Without this the tests above would pass over logs that say nothing."""
    id, log = str(uuid4()), Logbook(stack.folder)
    await campus.visitor().post({"query": "{ viewr }"}, **{"x-correlation-id": id})
    await settled(campus.visitor(), stack)
    [line] = [json.loads(line) for line in log.text("gateway").splitlines() if id in line]
    assert line["codes"] == ["GRAPHQL_VALIDATION_FAILED"]


def test_what_is_written_around_a_rotation_is_found(tmp_path: Path) -> None:
    """Without this the tests above would pass over a log that begins anew while they read."""
    home = folder.prepare(tmp_path)
    with logs.path(home, "gateway").open("a") as process:
        process.write("x" * logs.LARGEST_BYTES)
        process.flush()
        log = Logbook(home)
        process.write("before\n")
        process.flush()
        logs.rotate(home)
        assert log.text("gateway") == "before\n"
        process.write("after\n")
        process.flush()
        assert log.text("gateway") == "before\nafter\n"
        assert everything(home)["gateway"].endswith("xbefore\nafter\n")
        process.write("x" * logs.LARGEST_BYTES)
        process.flush()
        assert log.text("gateway").startswith("before\nafter\nxxx")
