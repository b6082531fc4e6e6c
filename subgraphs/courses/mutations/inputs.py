"""From inputs to what the services take."""

from dataclasses import fields
from typing import Any

import strawberry


def given(input: Any, *names: str, nullable: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the fields `names` that the client has set (all, unless some are named).

    Where null means nothing it is taken as absent; fields in `nullable` are cleared by it.
    """
    values = {}
    for name in names or [field.name for field in fields(input)]:
        value = getattr(input, name)
        if value is strawberry.UNSET or (value is None and name not in nullable):
            continue
        values[name] = value
    return values
