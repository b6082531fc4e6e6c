"""`router/router.yaml` asks nothing of Apollo Router that needs a licence."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROUTER = Path(__file__).parents[2] / "router"
LICENSED = (
    "subscription",
    "authentication",
    "authorization",
    "coprocessor",
    "demand_control",
    "batching",
    "persisted_queries",
    "response_cache",
    "preview_entity_cache",
    "limits.max_depth",
    "limits.max_height",
    "limits.max_aliases",
    "limits.max_root_fields",
    "apq.router.cache.redis",
    "supergraph.query_planning.cache.redis",
)


def lookup(config: Any, path: str) -> Any:
    """The value at a dotted path, or `None`."""
    for key in path.split("."):
        config = config.get(key) if isinstance(config, dict) else None
    return config


@pytest.fixture(scope="module")
def config() -> Any:
    return yaml.safe_load((ROUTER / "router.yaml").read_text())


@pytest.mark.parametrize("feature", LICENSED)
def test_no_licensed_feature_is_asked_for(config: Any, feature: str) -> None:
    assert lookup(config, feature) is None


def test_every_subgraph_may_be_placed_elsewhere(config: Any) -> None:
    subgraphs = yaml.safe_load((ROUTER / "supergraph.yaml").read_text())["subgraphs"]
    assert config["override_subgraph_url"] == {
        name: f"${{env.{name.upper()}_URL:-{subgraph['routing_url']}}}"
        for name, subgraph in subgraphs.items()
    }


def test_errors_keep_their_code_and_nothing_internal(config: Any) -> None:
    allowed = config["include_subgraph_errors"]["all"]["allow_extensions_keys"]
    assert allowed == ["code", "cost", "errorId", "service"]


def test_the_script_signs_with_the_words_of_the_gateway() -> None:
    script = (ROUTER / "rhai" / "main.rhai").read_text()
    assert "`${key}:${now}:${correlation_id}:${client}:${authorization}`" in script
    assert "`v1 ${now} ${sha256::digest(`${key}:${inner}`)}`" in script
