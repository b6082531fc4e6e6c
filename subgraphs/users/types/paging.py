from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select

from subgraphs.kernel import graphql
from subgraphs.kernel.pages import Order, PageRequest, count, fetch_page
from subgraphs.users.loaders import Loaders

Info = graphql.Info[Loaders]
NodeT = TypeVar("NodeT")


async def paged(
    info: Info,
    query: Select[Any],
    order: Sequence[Order],
    request: PageRequest,
    to_node: Callable[[Any], NodeT],
) -> graphql.Connection[NodeT]:
    """Fetch one page of a list; its length is counted only if someone asks for it."""

    async def total() -> int:
        async with info.context.read() as session:
            return await count(session, query)

    async with info.context.read() as session:
        page = await fetch_page(session, query, order, request)
    return graphql.connection(page, to_node, total)
