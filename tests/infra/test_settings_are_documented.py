"""Whatever a process reads from its environment has a line in `.env.example`."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from infra.bootstrap.parts import ROOT
from infra.stack.credentials import SUBGRAPHS

DOCUMENTED = {
    match[1]
    for match in re.finditer(
        r"^(?:# )?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE
    )
}
# Where each kind of file reads a variable.
READS = {
    "router": r'\benvironment(?:\["|, ")([A-Z_]+)"',
    "apollo": r"\$\{env\.([A-Z_]+)",
    "compose": r"(?<!\$)\$\{([A-Z_]+)",
    "edge": r"\{\$([A-Z_]+)",
    "python": r'os\.environ(?:\.get\(|\[)"((?:POLYNODE|USERS|COURSES|LEARNING)_[A-Z_]+)"',
}


def settings_of(module: str) -> set[str]:
    """The variables that the settings classes of a module read."""
    names = set()
    for found in vars(import_module(module)).values():
        if isinstance(found, type) and found.__module__ == module:
            assert issubclass(found, BaseSettings)
            prefix = found.model_config.get("env_prefix", "")
            for name, field in found.model_fields.items():
                names.add(str(field.validation_alias or f"{prefix}{name}").upper())
    return names


def read_by(kind: str, *files: Path) -> set[str]:
    return {name for file in files for name in re.findall(READS[kind], file.read_text())}


@pytest.mark.parametrize("subgraph", SUBGRAPHS)
def test_settings_of_a_subgraph(subgraph: str) -> None:
    assert settings_of(f"subgraphs.{subgraph}.settings") - DOCUMENTED == set()


def test_settings_of_the_gateway() -> None:
    read = read_by(
        "router", *(ROOT / "router").glob("*.ts"), *(ROOT / "router/gateway").glob("*.ts")
    )

    assert "POLYNODE_GATEWAY_KEY" in read
    assert read - DOCUMENTED == set()


def test_settings_of_apollo_router() -> None:
    read = read_by("apollo", ROOT / "router" / "router.yaml")

    assert "LEARNING_URL" in read
    assert read - DOCUMENTED == set()


def test_variables_of_the_compose_file_and_of_the_edge() -> None:
    read = read_by("compose", ROOT / "compose.yaml") | read_by(
        "edge", ROOT / "infra/edge/Caddyfile"
    )

    assert {"POSTGRES_PASSWORD", "EDGE_HTTP_ROUTER"} < read
    assert read - DOCUMENTED == set()


def test_variables_read_straight_from_the_environment() -> None:
    files = [file for folder in ("subgraphs", "infra") for file in (ROOT / folder).rglob("*.py")]
    read = read_by("python", *files)

    assert "POLYNODE_APOLLO_ROUTER" in read
    assert read - DOCUMENTED == set()


def test_a_secret_has_no_value_in_the_example() -> None:
    text = (ROOT / ".env.example").read_text()
    secrets = re.findall(r"^(\w*(?:PASSWORD|KEY|SECRET))=(.*)$", text, re.MULTILINE)

    assert len(secrets) == 7
    assert {value for _, value in secrets} == {""}
