"""The door of a subgraph: what is checked before a byte of a request is parsed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
import structlog
from cross_web import HTTPException
from prometheus_client import Counter, Gauge, Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage

from subgraphs.kernel import telemetry
from subgraphs.kernel.auth import (
    ANONYMOUS,
    GatewayProofs,
    InvalidTokenError,
    KeysUnavailableError,
    Revocations,
    TokenVerifier,
    Viewer,
)
from subgraphs.kernel.auth.gateway import CLIENT_HEADER, CORRELATION_HEADER
from subgraphs.kernel.graphql.context import Context
from subgraphs.kernel.graphql.gate import OUT_OF_SERVICE
from subgraphs.kernel.graphql.schema import Schema
from subgraphs.kernel.limits.bodies import MAX_BODY, BodyTooLargeError, bounded

logger = structlog.get_logger(__name__)
LoadersT = TypeVar("LoadersT")
Deliver = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_OPERATIONS = 20
"""Operations that may run at once on one socket."""

INIT_SECONDS = 10.0
"""Until then a socket has to say who it is."""

EXPIRED = 4401
REVOKED = 4403
TRY_LATER = 1013
REQUESTS = Histogram(
    "polynode_request_seconds",
    "Time to answer a GraphQL request.",
    ["subgraph"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
REFUSED = Counter("polynode_refused", "Requests refused at the door.", ["subgraph", "reason"])
SOCKETS = Gauge("polynode_sockets", "Open WebSockets.", ["subgraph"])


class Door(Generic[LoadersT]):
    """Lets in what a gateway vouches for, with a good token or none, of bounded size."""

    def __init__(
        self,
        name: str,
        schema: Schema,
        proofs: GatewayProofs,
        verifier: TokenVerifier,
        revocations: Revocations,
    ) -> None:
        self.name = name
        self.revocations = revocations
        self._proofs = proofs
        self._verifier = verifier
        self._make_context: Callable[..., Context[LoadersT]] | None = None
        self._view = _View(self, schema)

    def open(self, make_context: Callable[..., Context[LoadersT]]) -> None:
        """Start to let requests in: the app has connected to what they need."""
        self._make_context = make_context

    async def http(self, request: Request) -> Response:
        """Answer one HTTP request."""
        headers = request.headers
        if not self._proofs.holds(headers):
            return self._refuse("gateway", "Only a gateway may ask.", "FORBIDDEN", 401)
        if int(headers.get("content-length") or 0) > MAX_BODY:
            return self._refuse("body", "The body is too large.", "BAD_USER_INPUT", 413)
        try:
            context = await self.admit(headers)
        except InvalidTokenError as error:
            return self._refuse("token", str(error), "UNAUTHENTICATED", 200)
        except KeysUnavailableError:
            return self._refuse("keys", OUT_OF_SERVICE, "SERVICE_UNAVAILABLE", 200)
        return await self._run(request, context)

    async def _run(self, request: Request, context: Context[LoadersT]) -> Response:
        counted = Request(request.scope, bounded(request.receive))
        traceparent = request.headers.get("traceparent")
        started = time.perf_counter()
        try:
            with telemetry.span(f"graphql {self.name}", traceparent=traceparent):
                return await self._view.run(counted, context=context)
        except BodyTooLargeError:
            return self._refuse("body", "The body is too large.", "BAD_USER_INPUT", 413)
        except HTTPException as error:
            return self._refuse("request", error.reason, "BAD_USER_INPUT", error.status_code)
        finally:
            REQUESTS.labels(self.name).observe(time.perf_counter() - started)

    async def websocket(self, websocket: WebSocket) -> None:
        """Serve one socket; who is at its other end is told by `connection_init`."""
        SOCKETS.labels(self.name).inc()
        try:
            await self._view.run(websocket, context=self._context(ANONYMOUS, {}))
        finally:
            SOCKETS.labels(self.name).dec()

    async def admit(self, headers: Mapping[str, str]) -> Context[LoadersT]:
        """Find out who asks, from headers that a gateway has signed.

        Raises:
            InvalidTokenError: The token is bad, or has been revoked.
            KeysUnavailableError: Nobody can tell yet whether it is.
        """
        viewer = ANONYMOUS
        authorization = headers.get("authorization", "")
        if authorization:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise InvalidTokenError("Use a bearer token.")
            viewer = await self._verifier.verify(token.strip())
            if self.revocations.revoked(viewer):
                raise InvalidTokenError("This token has been revoked.")
        return self._context(viewer, headers)

    def vouched(self, payload: Mapping[str, object]) -> dict[str, str] | None:
        """Return the identity that a gateway put into `connection_init`, if its proof holds."""
        headers = {key.lower(): value for key, value in payload.items() if isinstance(value, str)}
        return headers if self._proofs.holds(headers) else None

    def _context(self, viewer: Viewer, headers: Mapping[str, str]) -> Context[LoadersT]:
        telemetry.actor_id.set(viewer.user_id)
        telemetry.correlation_id.set(_uuid(headers.get(CORRELATION_HEADER)))
        assert self._make_context is not None, "the app has not started"
        return self._make_context(viewer=viewer, client=headers.get(CLIENT_HEADER, ""))

    def _refuse(self, reason: str, message: str, code: str, status: int) -> Response:
        REFUSED.labels(self.name, reason).inc()
        body = {"errors": [{"message": message, "extensions": {"code": code}}], "data": None}
        return Response(orjson.dumps(body), status, media_type="application/json")


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


class _SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    """A socket that ends with the token that opened it."""

    view: "_View"

    async def handle_message(self, message: Any) -> None:
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("This is no message of this protocol")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        payload: object = message.get("payload")
        door = self.view.door
        headers = door.vouched(payload) if isinstance(payload, dict) else None
        if headers is None:
            REFUSED.labels(door.name, "gateway").inc()
            await self.websocket.close(code=REVOKED, reason="Only a gateway may ask")
            return
        try:
            admitted = await door.admit(headers)
        except InvalidTokenError as error:
            REFUSED.labels(door.name, "token").inc()
            await self.websocket.close(code=EXPIRED, reason=str(error))
            return
        except KeysUnavailableError:
            REFUSED.labels(door.name, "keys").inc()
            await self.websocket.close(code=TRY_LATER, reason=OUT_OF_SERVICE)
            return
        self.context.viewer, self.context.client = admitted.viewer, admitted.client
        message = {"type": "connection_init", "payload": {}}
        await super().handle_connection_init(message)

    async def handle(self) -> None:
        ending = asyncio.create_task(self._end_with_token())
        try:
            await super().handle()
        finally:
            ending.cancel()

    async def _end_with_token(self) -> None:
        """Close when the token expires, or as soon as it is revoked."""
        changed = asyncio.Event()
        unsubscribe = self.view.door.revocations.subscribe(changed.set)
        try:
            while True:
                viewer: Viewer = self.context.viewer
                if self.view.door.revocations.revoked(viewer):
                    await self.websocket.close(code=REVOKED, reason="This token has been revoked")
                    return
                left = viewer.expires_at.timestamp() - time.time() if viewer.expires_at else None
                if left is not None and left <= 0:
                    await self.websocket.close(code=EXPIRED, reason="This token has expired")
                    return
                changed.clear()
                try:
                    await asyncio.wait_for(changed.wait(), left if self.known else 1)
                except TimeoutError:
                    continue
        finally:
            unsubscribe()

    @property
    def known(self) -> bool:
        return self.connection_acknowledged


def _is_message(message: dict[str, Any]) -> bool:
    """Tell whether the parts that are there have the types that Strawberry takes for granted."""
    payload = message.get("payload") or {}
    return (
        isinstance(payload, dict)
        and isinstance(message.get("id", ""), str)
        and isinstance(payload.get("query", ""), str)
        and isinstance(payload.get("operationName") or "", str)
        and isinstance(payload.get("variables") or {}, dict)
    )


class _SocketAdapter(ASGIWebSocketAdapter):
    """Sends text frames, which is what the protocol speaks, whatever the encoder gives."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(orjson.dumps(message, default=str).decode())
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error


class _View(GraphQL[Any, None]):
    """Strawberry's view, with our socket handler and a fast encoder."""

    graphql_transport_ws_handler_class = _SocketHandler
    websocket_adapter_class = _SocketAdapter

    def __init__(self, door: Door[Any], schema: Schema) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=["graphql-transport-ws"],
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=MAX_OPERATIONS,
            # Browsers never come here: gateways check the origin of sockets.
            allowed_origins=["*"],
        )
        self.door = door

    def decode_json(self, data: str | bytes) -> object:
        """Take an object only: neither a batch nor what else JSON can be."""
        decoded = orjson.loads(data)
        if not isinstance(decoded, dict):
            raise orjson.JSONDecodeError("This is no object", "", 0)
        return decoded

    def encode_json(self, data: object) -> str | bytes:
        return orjson.dumps(data, default=str)

    async def process_result(self, request: Any, result: Any) -> GraphQLHTTPResponse:
        """Shape a result by hand: Strawberry's way walks the errors twice."""
        shaped: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            shaped["errors"] = [error.formatted for error in result.errors]
        if result.extensions:
            shaped["extensions"] = result.extensions
        return shaped
