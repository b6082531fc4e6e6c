"""What every subgraph's schema promises, on the real schemas and on bad ones."""

from importlib import import_module

import pytest
from graphql import GraphQLSchema

from subgraphs.__main__ import NAMES
from tests.architecture.rules import schemas
from tests.architecture.samples.schemas import SAMPLES, Rule, SchemaSample
from tests.architecture.test_tree import sentence


def schema_of(name: str) -> GraphQLSchema:
    schema: GraphQLSchema = import_module(f"subgraphs.{name}.schema").schema._schema
    return schema


@pytest.mark.parametrize("rule", schemas.RULES, ids=sentence)
@pytest.mark.parametrize("name", NAMES)
def test_the_schema_keeps_the_rule(name: str, rule: Rule) -> None:
    assert rule(schema_of(name)) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.rule for sample in SAMPLES])
def test_the_rule_catches_its_bad_sample(sample: SchemaSample) -> None:
    rule = next(rule for rule in schemas.RULES if rule.__name__ == sample.rule)
    assert rule(sample.schema) == sample.found


def test_every_rule_has_a_bad_sample() -> None:
    assert {rule.__name__ for rule in schemas.RULES} == {sample.rule for sample in SAMPLES}
