"""Log lines: one for each event that matters, as JSON or for a terminal, ours and those of libraries."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from vpaas_api.settings import Settings

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def configure(settings: Settings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # At "info" uvicorn writes request lines, and a signalling URL carries an access token.
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))


def get_logger() -> Any:
    return structlog.get_logger("vpaas")


@contextmanager
def trace(traceparent: str | None) -> Iterator[None]:
    """Bind the caller's W3C trace context, if it sent a valid one, to every line written inside."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if not match:
        yield
        return
    with structlog.contextvars.bound_contextvars(trace_id=match[1], span_id=match[2]):
        yield
