"""What the running system says of itself: logs, metrics, traces, one correlation id through all."""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from subgraphs.kernel.events import Envelope

correlation_id: ContextVar[UUID | None] = ContextVar("correlation_id", default=None)
"""Names one request from the edge to the last worker that acts on it."""

causation_id: ContextVar[UUID | None] = ContextVar("causation_id", default=None)
"""The event that is being handled, if one is."""

actor_id: ContextVar[UUID | None] = ContextVar("actor_id", default=None)
"""Who caused what happens now."""

MAX_LINE = 2_000
"""Bytes of a line: a bad request may not flood the log."""

MAX_TRACEBACK = 6_000
"""Bytes of a line that tells of a fault of ours; what is cut off is the beginning of its stack."""

MAX_READ = 20_000
"""Characters at either end of a value that are looked at."""

MAX_ITEMS = 50
SHORT = 100
INTEGER_BITS = 63

REDACTED = "[redacted]"
_SECRET_KEY = re.compile(
    r"pass(word|wd)|secret|token|authorization|cookie|api_?key|gateway_?key|credential|dsn",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|\$argon2\w+\$[^\s'\"]+"  # the hash of a password
    r"|(?<=://)[^\s/'\"]*:[^\s'\"]+(?=@)"  # user and password of a URL
    r"|(?<=bearer )\S+|(?<=basic )\S{8,}",
    re.IGNORECASE,
)
_NAMED_SECRET = re.compile(
    rf"((?:{_SECRET_KEY.pattern})\w*['\"]?\s*[:=]\s*)"  # password=…, "token": …
    r"((?:(?:bearer|basic)\s+)?(?:'[^']*'|\"[^\"]*\"|[^\s,;)}\]]+))",
    re.IGNORECASE,
)
_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("polynode")


def configure(*, process: str, level: str, otlp_endpoint: str | None) -> None:
    """Log JSON lines to standard output, the libraries' too; export traces if there is a where."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _add_ids,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("uvicorn.access").disabled = True
    structlog.contextvars.bind_contextvars(process=process)
    if otlp_endpoint:
        provider = TracerProvider(resource=Resource.create({"service.name": process}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)


def _dumps(entry: dict[str, Any], **_: object) -> str:
    line = orjson.dumps(entry)
    limit = MAX_TRACEBACK if "exception" in entry else MAX_LINE
    if len(line) > limit:
        line = orjson.dumps(_shortened(entry, limit))
    return line.decode()


def _shortened(entry: dict[str, Any], limit: int) -> dict[str, Any]:
    """Share the line among its long values; the short ones stay whole."""
    sizes = {key: len(orjson.dumps(value)) for key, value in entry.items()}
    long = [key for key, size in sizes.items() if size > SHORT]
    rest = limit - sum(len(key) + 4 + min(size, SHORT) for key, size in sizes.items())
    return entry | {key: _cut(key, entry[key], SHORT + rest // len(long)) for key in long}


def _cut(key: str, value: Any, size: int) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    while len(orjson.dumps(text)) > size - 2:
        keep = max(len(text) * 9 // 10, 1) if len(text) > 1 else 0
        text = text[-keep:] if key == "exception" and keep else text[:keep]
    return f"…{text}" if key == "exception" else f"{text}…"


def _add_ids(_: object, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if (correlation := correlation_id.get()) is not None:
        entry["correlation_id"] = str(correlation)
    return entry


def redact(_: object, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep secrets out of every line, wherever they stand in it."""
    for key, value in entry.items():
        entry[key] = REDACTED if _SECRET_KEY.search(key) else _clean(value)
    return entry


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and value.bit_length() < INTEGER_BITS:
        return value
    if isinstance(value, dict):
        return {
            str(key): REDACTED if _SECRET_KEY.search(str(key)) else _clean(inner)
            for key, inner in islice(value.items(), MAX_ITEMS)
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in islice(value, MAX_ITEMS)]
    return _clean_text(str(value))


def _clean_text(text: str) -> str:
    if len(text) > 2 * MAX_READ:  # what matters of a traceback is its end
        text = f"{text[:MAX_READ]}…{text[-MAX_READ:]}"
    text = _SECRET_VALUE.sub(REDACTED, _NAMED_SECRET.sub(rf"\1{REDACTED}", text))
    return text.encode(errors="replace").decode()


@contextmanager
def span(name: str, *, traceparent: str | None = None, **attributes: str) -> Iterator[None]:
    """Trace a piece of work, as a child of `traceparent` if it came from another process."""
    parent = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    # Not recorded as it is: an exception may quote what was asked, or how to reach a server.
    with _tracer.start_as_current_span(
        name,
        context=parent,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except Exception as error:
            current.set_status(StatusCode.ERROR, _clean_text(f"{type(error).__name__}: {error}"))
            raise


def current_traceparent() -> str | None:
    """The W3C header that lets another process continue this trace; None outside of one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def handling(envelope: Envelope) -> Iterator[None]:
    """Carry the request's correlation id, and who acted, into what an event causes."""
    tokens = (
        correlation_id.set(envelope.correlation_id),
        causation_id.set(envelope.id),
        actor_id.set(envelope.actor_id),
    )
    try:
        yield
    finally:
        correlation_id.reset(tokens[0])
        causation_id.reset(tokens[1])
        actor_id.reset(tokens[2])
