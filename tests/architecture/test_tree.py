"""The house rules that can be read off the source, on the tree and on bad samples."""

from collections.abc import Callable

import pytest

from subgraphs.__main__ import NAMES
from tests.architecture.rules import (
    documents,
    domain,
    events,
    files,
    habits,
    kernel,
    migrations,
    refusals,
    resolvers,
    settings,
    subscriptions,
    texts,
    visibility,
)
from tests.architecture.samples import Sample, edge, flows, house
from tests.architecture.samples import refusals as refusal_samples
from tests.architecture.source import Tree, real_tree

Rule = Callable[[Tree], list[str]]
MODULES = (
    files,
    kernel,
    resolvers,
    refusals,
    visibility,
    domain,
    events,
    subscriptions,
    migrations,
    settings,
    texts,
    documents,
    habits,
)
RULES: tuple[Rule, ...] = tuple(rule for module in MODULES for rule in module.RULES)
SAMPLES = (*house.SAMPLES, *edge.SAMPLES, *flows.SAMPLES, *refusal_samples.SAMPLES)


def sentence(value: object) -> str:
    """A test is called after the sentence that its rule's docstring begins with."""
    rule = value.rule if isinstance(value, Sample) else value
    return str(rule.__doc__).partition("\n")[0].rstrip(".")


def test_the_tree_has_every_subgraph() -> None:
    assert real_tree().subgraphs == sorted(NAMES)


@pytest.mark.parametrize("rule", RULES, ids=sentence)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    assert rule(real_tree()) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=sentence)
def test_the_rule_catches_its_bad_sample(sample: Sample) -> None:
    assert sample.rule(sample.tree) == sample.found


def test_every_rule_has_a_bad_sample() -> None:
    assert {rule.__name__ for rule in RULES} == {sample.rule.__name__ for sample in SAMPLES}
