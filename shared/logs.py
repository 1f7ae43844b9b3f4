"""Logs: one JSON object a line on stdout, with the correlation id that a request shares with its events."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import orjson
import structlog
from asgi_correlation_id.context import correlation_id
from structlog.typing import EventDict, Processor, WrappedLogger

_LEVEL_OF_LIBRARIES = logging.WARNING


def configure(service: str, level: str = "info") -> None:
    """Set up structlog; the libraries log warnings and errors through the same renderer."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_service_name(service),
        _add_correlation_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_to_bytes)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(shared)


def _configure_libraries(shared: list[Processor]) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=_to_text),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVEL_OF_LIBRARIES)


def _add_service_name(service: str) -> Processor:
    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add_service


def _add_correlation_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if (current := correlation_id.get()) is not None:
        event["correlation_id"] = current
    return event


def _to_bytes(event: Any, **_options: Any) -> bytes:
    try:
        return orjson.dumps(event, default=repr)
    except TypeError:
        # orjson refuses a lone surrogate and a number beyond 64 bits. Logging must never fail.
        return json.dumps(event, default=repr, skipkeys=True).encode()


def _to_text(event: Any, **_options: Any) -> str:
    return _to_bytes(event).decode()
