"""The one extension: what an operation passes on its way in, and its errors on their way out."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import structlog
from graphql import DocumentNode, GraphQLError, GraphQLSchema, GraphQLSyntaxError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from subgraphs.kernel.errors import DomainError
from subgraphs.kernel.graphql.context import Context
from subgraphs.kernel.limits.cost import MAX_COST, CostModel, check_representations
from subgraphs.kernel.limits.documents import parse_bounded

logger = structlog.get_logger(__name__)

CACHED_DOCUMENTS = 1_000
CACHED_CHARACTERS = 400_000
"""Of all cached documents together; parsed, a character takes some hundred bytes."""

INVALID = "GRAPHQL_VALIDATION_FAILED"
OUT_OF_SERVICE = "This part is out of service. Try again soon."
OUTAGES = ("08", "53300", "57P")
"""SQLSTATEs: connection lost, too many connections, the server stops or starts."""

_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)


@dataclass(slots=True)
class Prepared:
    """All that is known of a document before it runs; routers send few distinct ones."""

    document: DocumentNode
    introspects: bool = False
    errors: list[GraphQLError] | None = None
    cost: CostModel | None = None


@dataclass
class Documents:
    """The documents of one schema that were asked for last."""

    prepared: OrderedDict[str, Prepared] = field(default_factory=OrderedDict)
    characters: int = 0

    def parse(self, query: str) -> Prepared:
        if (found := self.prepared.get(query)) is not None:
            self.prepared.move_to_end(query)
            return found
        bounded = parse_bounded(query)
        found = self.prepared[query] = Prepared(bounded.document, bounded.introspects)
        self.characters += len(query)
        while len(self.prepared) > CACHED_DOCUMENTS or self.characters > CACHED_CHARACTERS:
            forgotten, _ = self.prepared.popitem(last=False)
            self.characters -= len(forgotten)
        return found


class Gate(SchemaExtension):
    """Parses, limits and prices an operation; masks what a client must not see."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._prepared: Prepared | None = None
        self._streamed = False

    def on_operation(self) -> Iterator[None]:
        yield
        result = self.execution_context.result
        if result is not None and not self._streamed:
            _show(result)

    def on_stream_result(self, result: Any) -> Iterator[None]:
        self._streamed = True
        _show(result)
        self._context.forget_loaders()
        yield

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        if execution.query:
            try:
                self._prepared = self._documents.parse(execution.query)
            except GraphQLError as error:
                # Left alone, Strawberry would parse the document a second time.
                raise _public(error) from None
            execution.graphql_document = self._prepared.document
        yield

    def on_validate(self) -> Iterator[None]:
        execution, prepared = self.execution_context, self._prepared
        if prepared is not None:
            if prepared.errors is None:
                found = validate_document(
                    self._schema, prepared.document, execution.validation_rules
                )
                prepared.errors = [_coded(error, error.message, INVALID) for error in found]
            refused = prepared.introspects and not self._context.introspection
            execution.pre_execution_errors = [_NO_INTROSPECTION] if refused else prepared.errors
        yield

    def on_execute(self) -> Iterator[None]:
        if self._prepared is not None:
            self._charge(self._prepared)
        yield

    def _charge(self, prepared: Prepared) -> None:
        execution = self.execution_context
        check_representations(execution.variables)
        if prepared.cost is None:
            prepared.cost = CostModel(self._schema, prepared.document)
        cost = prepared.cost.price(execution.operation_name, execution.variables)
        if cost > MAX_COST:
            raise GraphQLError(
                f"This operation may return {cost} objects; {MAX_COST} are allowed.",
                extensions={
                    "code": "MAX_COST_EXCEEDED",
                    "cost": {"requested": cost, "maximum": MAX_COST},
                },
            )
        context = self._context
        if context.spend is not None:
            context.spend(context.caller, 1 + cost, context.network)

    @property
    def _context(self) -> Context[Any]:
        context: Context[Any] = self.execution_context.context
        return context

    @property
    def _schema(self) -> GraphQLSchema:
        schema: GraphQLSchema = self.execution_context.schema._schema
        return schema


_NO_INTROSPECTION = GraphQLError(
    "Introspection is off; the schema is published.",
    extensions={"code": INVALID},
)


def _show(result: Any) -> None:
    if getattr(result, "errors", None):
        result.errors = [_public(error) for error in result.errors]


def _public(error: GraphQLError) -> GraphQLError:
    """Keep what a caller may know of `error`; anything else gets an id that the log has too."""
    original = error.original_error
    if isinstance(original, DomainError):
        return _coded(error, original.message, original.code)
    if isinstance(original, PoolTimeoutError) or _is_outage(original):
        logger.warning("The database is out of reach", error=str(original)[:200])
        return _coded(error, OUT_OF_SERVICE, "SERVICE_UNAVAILABLE")
    if original is None or isinstance(original, GraphQLError):
        code = (error.extensions or {}).get("code") or _code_of(error)
        shown = _coded(error, _SUGGESTION.sub("", error.message), code)
        shown.extensions = {**(error.extensions or {}), "code": code}
        return shown
    error_id = str(uuid4())
    logger.error("A resolver failed", error_id=error_id, path=error.path, exc_info=original)
    shown = _coded(error, "Something went wrong on our side.", "INTERNAL_SERVER_ERROR")
    shown.extensions = {**(shown.extensions or {}), "errorId": error_id}
    return shown


def _is_outage(error: BaseException | None) -> bool:
    """Tell whether Postgres or Valkey went away, as opposed to having refused a statement."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        error = error.orig
    # asyncpg's own errors come from connecting, before SQLAlchemy can translate them.
    state = str(getattr(error, "sqlstate", None))
    return state.startswith(OUTAGES) or isinstance(
        error, OSError | RedisConnectionError | RedisTimeoutError
    )


def _code_of(error: GraphQLError) -> str:
    """Tell what is wrong with a valid document: the values that it came with."""
    return "GRAPHQL_PARSE_FAILED" if isinstance(error, GraphQLSyntaxError) else "BAD_USER_INPUT"


def _coded(error: GraphQLError, message: str, code: str) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code},
    )
