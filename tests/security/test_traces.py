"""What ends up in traces: what was done and how long it took, and no secret."""

import os
import subprocess
import sys
from typing import Any
from uuid import uuid4

from infra.bootstrap.parts import ROOT
from infra.stack import Stack, credentials
from tests.security.test_logs import journey, mistakes
from tests.support.api import eventually
from tests.support.collector import Collector, collecting
from tests.support.intruder import campus_from

EXPECTED = {
    "graphql users",
    "graphql courses",
    "graphql learning",
    "handle users.membership_changed",
}
FAULT = """
import sys
from subgraphs.kernel import telemetry
telemetry.configure(process="test", level="info", otlp_endpoint=sys.argv[1])
try:
    with telemetry.span("faulty"):
        raise ValueError(sys.argv[2])
except ValueError:
    pass
"""
CANARIES = ("eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOjF9.x", "canary-of-a-password")


async def test_no_secret_is_ever_traced(
    strict: Stack, collector: Collector, record_property: Any
) -> None:
    """Not even in what other tests of this stack have let it trace."""
    async with campus_from(strict, "127.52.0.1") as campus:
        secrets = await journey(campus)
        await mistakes(campus, secrets)
        _, course = await campus.course(lessons=1)
        await campus.enrolled(course)
        id = str(uuid4())
        last = {"query": "{ courses(first: 1) { nodes { id viewerEnrollment { id } } } }"}
        await campus.visitor().post(last, **{"x-correlation-id": id})

    async def all_arrived() -> bool:
        spans = collector.spans
        traced = {name for trace, name in spans if trace == id.replace("-", "")}
        return "graphql courses" in traced and {name for _, name in spans} >= EXPECTED

    await eventually(all_arrived)
    exported = b"".join(collector.bodies)
    own = credentials.load(strict.folder)
    assert len(secrets) >= 10
    secrets |= {own.gateway_key, own.users_key_secret, own.valkey_password, own.postgres_password}
    secrets |= {*own.database_passwords.values()}
    record_property("secrets", len(secrets))
    record_property("spans", len(collector.spans))
    assert [secret for secret in secrets if secret.encode() in exported] == []


def test_a_fault_is_traced_without_the_secrets_in_its_text() -> None:
    text = f"Bearer {CANARIES[0]} is bad; postgresql://users:{CANARIES[1]}@localhost/users"
    with collecting() as collector:
        subprocess.run(  # noqa: S603, our own interpreter
            [sys.executable, "-c", FAULT, collector.url, text],
            cwd=ROOT,
            env=os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
            check=True,
        )
    assert [name for _, name in collector.spans] == ["faulty"]
    exported = b"".join(collector.bodies)
    assert [canary for canary in CANARIES if canary.encode() in exported] == []
