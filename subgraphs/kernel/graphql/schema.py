"""The federation schema of a subgraph, with what all of them have in common."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from inspect import signature
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry.federation.schema import FederationAny
from strawberry.types import ExecutionContext
from strawberry.types.info import Info

from subgraphs.kernel.graphql.descriptions import describe
from subgraphs.kernel.graphql.gate import Documents, Gate
from subgraphs.kernel.graphql.refusals import Expose


class Schema(strawberry.federation.Schema):
    """A subgraph's schema: limited, masked, described, and careful with entity references."""

    def __init__(
        self,
        *,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        types: Iterable[type] = (),
        exposed: Iterable[Expose] = (),
    ) -> None:
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            extensions=[partial(Gate, Documents())],
            exception_handlers=exposed,
            federation_version="2.9",  # the newest that composition accepts
        )
        describe(self._schema)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: the gate logs what is a fault, without the document."""

    async def entities_resolver(  # type: ignore[override]  # Strawberry awaits what it gets
        self, info: Info, representations: list[FederationAny]
    ) -> list[FederationAny]:
        """Resolve references by their key alone; nothing else in them is believed.

        A type resolves one reference (`resolve_reference(info, id)`), or all of an operation at
        once (`resolve_references(info, ids)`), which spares each its own coroutine.
        """
        found: list[Any] = [self._reference(info, each) for each in representations]
        batches: dict[Any, list[int]] = {}
        for place, entity in enumerate(found):
            if isinstance(entity, _Awaited):
                batches.setdefault(entity.origin, []).append(place)
        answers = await asyncio.gather(
            *(
                origin.resolve_references(info=info, ids=[found[place].id for place in places])
                for origin, places in batches.items()
            )
        )
        for places, entities in zip(batches.values(), answers, strict=True):
            for place, entity in zip(places, entities, strict=True):
                found[place] = entity
        return found

    def _reference(self, info: Info, representation: Any) -> Any:
        try:
            origin, keys = self._understand(representation)
        except GraphQLError as error:
            return error
        if "id" in keys and hasattr(origin, "resolve_references"):
            return _Awaited(origin, keys["id"])
        return origin.resolve_reference(info=info, **keys)

    def _understand(self, representation: Any) -> tuple[Any, dict[str, Any]]:
        """Find the type that is referred to, and the key."""
        if not isinstance(representation, dict):
            raise _bad("A reference is an object.")
        concrete = self.schema_converter.type_map.get(str(representation.get("__typename")))
        origin: Any = getattr(getattr(concrete, "definition", None), "origin", None)
        if not hasattr(origin, "resolve_reference"):
            raise _bad("This type cannot be referred to.")
        keys: dict[str, Any] = {
            name: representation[name] for name in _keys(origin) if name in representation
        }
        if not keys:
            raise _bad("This reference lacks its key.")
        if not all(isinstance(key, str) and "\0" not in key for key in keys.values()):
            raise _bad("A key is a string.")
        if "id" in keys:
            try:
                keys["id"] = UUID(keys["id"])
            except ValueError:
                raise _bad("This id is not a UUID.") from None
        return origin, keys


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A reference whose type resolves all of them at once."""

    origin: Any
    id: UUID


@cache
def _keys(origin: Any) -> tuple[str, ...]:
    return tuple(name for name in signature(origin.resolve_reference).parameters if name != "info")


def _bad(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})
