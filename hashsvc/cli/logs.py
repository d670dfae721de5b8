"""The log of the service: one line of JSON per event, on stdout."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

_STAMPED: list[Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs() -> None:
    """Write the events of the service and of its web server in the same format."""
    structlog.configure(
        processors=[*_STAMPED, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_STAMPED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_traceback,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # Only this logger: other libraries would log the URLs that they fetch.
    server = logging.getLogger("uvicorn")
    server.handlers = [handler]
    server.setLevel(logging.INFO)
    server.propagate = False


def _without_traceback(_logger: object, _method: str, event: EventDict) -> EventDict:
    # An exception's text may repeat what was sent. Its class does not.
    error = event.pop("exc_info", None)
    if isinstance(error, tuple) and error[0] is not None:
        event["error"] = error[0].__name__
    return event
