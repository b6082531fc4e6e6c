"""Fields of a kind, as decorators of resolvers that mypy understands."""

from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.federation.schema_directives import Shareable
from strawberry.types.field import StrawberryField

from subgraphs.kernel.limits.cost import LIST_SIZE

Resolver = Callable[..., Any]


def list_field(*, size: int) -> Callable[[Resolver], StrawberryField]:
    """Make the field of a list that is charged for `size` items: as many as it has, or usually."""
    return lambda resolver: strawberry.field(resolver, metadata={LIST_SIZE: size})


def shared_field(resolver: Resolver) -> StrawberryField:
    """Make a field that several subgraphs answer alike; the router asks the nearest."""
    return strawberry.field(resolver, directives=[Shareable()])
