"""What every subgraph's schema shares; import it as a whole: `from subgraphs.kernel import graphql`."""

from subgraphs.kernel.graphql.connections import Connection, Edge, PageInfo, connection
from subgraphs.kernel.graphql.context import Context, Info
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
    "NotAuthenticatedError",
    "PageInfo",
    "Schema",
    "UserError",
    "connection",
    "expose",
]
