"""How rows are kept, on every subgraph's tables and on bad ones."""

from collections.abc import Callable
from enum import Enum
from uuid import uuid4

import pytest
import sqlalchemy as sa

from subgraphs.__main__ import NAMES
from subgraphs.kernel import migrate
from tests.architecture.rules import columns
from tests.architecture.test_tree import sentence

Rule = Callable[[sa.MetaData], list[str]]


class Mood(Enum):
    GOOD = "good"


BAD = sa.MetaData()
sa.Table(
    "animals",
    BAD,
    sa.Column("id", sa.Uuid, primary_key=True, default=uuid4),
    sa.Column("born_at", sa.DateTime),
    sa.Column("fed_at", sa.DateTime(timezone=True)),
    sa.Column("price", sa.Numeric(10, 2)),
    sa.Column("weight", sa.Float),
    sa.Column("mood", sa.Enum(Mood)),
)
sa.Table("cages", BAD, sa.Column("id", sa.Integer, primary_key=True))
FOUND: dict[Rule, list[str]] = {
    columns.zoned: ["animals.born_at has no time zone"],
    columns.whole_money: ["animals.price is NUMERIC(10, 2)"],
    columns.ids: ["animals.id is not a UUIDv7", "cages.id is INTEGER"],
    columns.enums: ["animals.mood is a native enum"],
    columns.names: [
        "animals: a PrimaryKeyConstraint without a name",
        "cages: a PrimaryKeyConstraint without a name",
    ],
}


@pytest.mark.parametrize("rule", columns.RULES, ids=sentence)
@pytest.mark.parametrize("name", NAMES)
def test_the_tables_keep_the_rule(name: str, rule: Rule) -> None:
    assert rule(migrate.metadata(name)) == []


@pytest.mark.parametrize("rule", columns.RULES, ids=sentence)
def test_the_rule_catches_its_bad_sample(rule: Rule) -> None:
    assert rule(BAD) == FOUND[rule]
