"""What every subgraph's schema shares; use it as `graphql.Schema`, `graphql.Connection`."""

from subgraphs.kernel.graphql.connections import Connection, Edge, PageInfo, connection
from subgraphs.kernel.graphql.context import Context, Info
from subgraphs.kernel.graphql.fields import list_field, shared_field
from subgraphs.kernel.graphql.nested import Nested
from subgraphs.kernel.graphql.refusals import (
    ForbiddenError,
    InvalidInputError,
    NotAuthenticatedError,
    UserError,
    expose,
)
from subgraphs.kernel.graphql.schema import Schema

__all__ = [
    "Connection",
    "Context",
    "Edge",
    "ForbiddenError",
    "Info",
    "InvalidInputError",
    "Nested",
    "NotAuthenticatedError",
    "PageInfo",
    "Schema",
    "UserError",
    "connection",
    "expose",
    "list_field",
    "shared_field",
]
