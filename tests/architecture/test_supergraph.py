"""What the subgraphs promise together, on the real supergraph and on a bad one."""

from collections.abc import Callable

import pytest
from graphql import DocumentNode, parse

from tests.architecture.rules import borders
from tests.architecture.source import ROOT
from tests.architecture.test_tree import sentence

Rule = Callable[[DocumentNode], list[str]]

BAD = parse(
    """
    type Animal @join__type(graph: ZOO, key: "id") @join__type(graph: VETS, key: "id") {
      id: UUID!
      name: String! @join__field(graph: ZOO)
      born: DateTime! @join__field(graph: ZOO)
      home: Cage! @join__field(graph: ZOO)
      weight: Float! @join__field(graph: VETS)
      height: Float @join__field(graph: VETS)
      visits(first: Int): [Visit!]! @join__field(graph: VETS)
    }
    type Cage @join__type(graph: ZOO, key: "id") {
      id: UUID!
      animals: [Animal!]!
      vets: [Vet!]!
    }
    type Vet @join__type(graph: VETS, key: "id") @join__type(graph: ZOO, key: "id") {
      id: UUID!
      name: String! @join__field(graph: VETS)
      favourites: [Animal]! @join__field(graph: VETS)
      cages: [Cage]! @join__field(graph: ZOO)
    }
    type Visit @join__type(graph: VETS) {
      at: DateTime!
      vet: Vet!
      animal: Animal!
      others: [Animal]!
    }
    """
)
FOUND: dict[Rule, list[str]] = {
    borders.contributions: [
        "Animal.weight: Float! comes from VETS, the rest of it from ZOO",
        "Animal.visits: [Visit!]! comes from VETS, the rest of it from ZOO",
        "Vet.cages: [Cage]! comes from ZOO, the rest of it from VETS",
    ],
    borders.references: [
        "Cage.vets: [Vet!]! is answered by VETS",
        "Visit.animal: Animal! is answered by ZOO",
    ],
}


@pytest.mark.parametrize("rule", borders.RULES, ids=sentence)
def test_the_supergraph_keeps_the_rule(rule: Rule) -> None:
    assert rule(parse((ROOT / "supergraph.graphql").read_text())) == []


@pytest.mark.parametrize("rule", borders.RULES, ids=sentence)
def test_the_rule_catches_its_bad_sample(rule: Rule) -> None:
    assert rule(BAD) == FOUND[rule]
