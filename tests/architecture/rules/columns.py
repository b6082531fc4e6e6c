"""How values are kept: judged on the tables as Postgres will have them."""

import re

from sqlalchemy import Column, DateTime, Enum, Float, MetaData, Numeric, Uuid

from subgraphs.kernel import db, tables

MONEY = re.compile(r"(^|_)(price|amount|fee|total|balance|discount|payout|revenue|cents)(_|$)")
KERNEL = {
    name
    for name, value in vars(tables).items()
    if name.isupper()
    for name in [getattr(value, "name", name)]
}
"""Tables of the kernel: their ids are those of events, made by Postgres or by another subgraph."""


def zoned(metadata: MetaData) -> list[str]:
    """Every moment has its zone."""
    return [
        f"{column.table.name}.{column.name} has no time zone"
        for column in _columns(metadata)
        if isinstance(column.type, DateTime) and not column.type.timezone
    ]


def whole_money(metadata: MetaData) -> list[str]:
    """Money is a whole number of its smallest unit."""
    return [
        f"{column.table.name}.{column.name} is {column.type}"
        for column in _columns(metadata)
        if MONEY.search(str(column.name)) and isinstance(column.type, Float | Numeric)
    ]


def ids(metadata: MetaData) -> list[str]:
    """Every id is a UUIDv7, made here."""
    found = []
    for table in metadata.sorted_tables:
        column = table.columns.get("id")
        if column is None or table.name in KERNEL:
            continue
        if not isinstance(column.type, Uuid):
            found.append(f"{table.name}.id is {column.type}")
        elif getattr(column.default, "arg", None) is None or not _makes_ids(column):
            found.append(f"{table.name}.id is not a UUIDv7")
    return found


def _makes_ids(column: Column[object]) -> bool:
    make = getattr(column.default, "arg", None)
    return getattr(make, "__wrapped__", make) is db.new_id or (
        getattr(make, "__name__", "") == db.new_id.__name__
    )


def enums(metadata: MetaData) -> list[str]:
    """An enumeration is text: adding a value needs no lock."""
    return [
        f"{column.table.name}.{column.name} is a native enum"
        for column in _columns(metadata)
        if isinstance(column.type, Enum) and column.type.native_enum
    ]


def names(metadata: MetaData) -> list[str]:
    """Constraints have names that a migration can find."""
    return [
        f"{table.name}: a {type(constraint).__name__} without a name"
        for table in metadata.sorted_tables
        for constraint in table.constraints
        if constraint.name is None and "ck" not in metadata.naming_convention
    ]


def _columns(metadata: MetaData) -> list[Column[object]]:
    return [column for table in metadata.sorted_tables for column in table.columns]


RULES = (zoned, whole_money, ids, enums, names)
