"""`router/router.yaml` asks nothing of Apollo Router that needs a licence."""

import re
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

VALUE_OF_TRY = re.compile(
    r"[=(,:]\s*try\b|\breturn\s+try\b"  # used as an expression
    r"|\btry\s*\{[^{}]*\}\s*catch[^{}]*\{[^{}]*\}\s*\}"  # last of its block, as its value
)
"""`try` is a statement in Rhai; what looks like its value does not compile, or is nothing."""


def lookup(config: Any, path: str) -> Any:
    """The value at a dotted path, or `None`."""
    for key in path.split("."):
        config = config.get(key) if isinstance(config, dict) else None
    return config


def code_of_script() -> str:
    """The script without its comments."""
    script = (ROUTER / "rhai" / "main.rhai").read_text()
    return "\n".join(line.partition("//")[0] for line in script.splitlines())


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


def test_the_script_takes_no_value_from_a_try() -> None:
    assert not VALUE_OF_TRY.search(code_of_script())


def test_the_script_calls_what_there_is() -> None:
    """Rhai finds a function that is not there only when it is called."""
    code = code_of_script()
    own = re.findall(r"\bfn (\w+)\(", code)
    called = re.findall(r"(?<![.:\w])(?<!fn )([a-z]\w*)\(", code) + re.findall(r'Fn\("(\w+)"', code)
    hooks = {"supergraph_service", "subgraph_service"}
    assert set(called) == set(own) - hooks | {"unix_now", "uuid_v4"}
    assert len(own) == len(set(own))


@pytest.mark.parametrize(
    "script",
    [
        'let others = try { env::get("A") } catch { "" };',
        'return try { env::get("A") } catch { "" };',
        'fn header(h, n) {\n    try {\n        h[n]\n    } catch {\n        ""\n    }\n}',
        'fn header(h, n) { try { h[n] } catch (error) { "" } }',
    ],
)
def test_the_check_finds_a_value_taken_from_a_try(script: str) -> None:
    assert VALUE_OF_TRY.search(script)


def test_the_script_knows_the_origins_of_the_gateway(config: Any) -> None:
    """Apollo Router lets any site ask, so the script has to refuse."""
    script = (ROUTER / "rhai" / "main.rhai").read_text()
    assert 'as_origin(env::get("POLYNODE_PUBLIC_URL"))' in script
    assert 'setting("POLYNODE_ALLOWED_ORIGINS").split(",")' in script
    assert "allow_credentials" not in config["cors"]


def test_a_bad_document_keeps_its_code(config: Any) -> None:
    """Redacted, all of them would be `UNKNOWN_ERROR`."""
    assert lookup(config, "supergraph.redact_query_validation_errors") is None
