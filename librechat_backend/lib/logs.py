"""Structured logs: one line an event, on standard error. The only configurer of structlog.

Whatever a caller passes, secrets and message text never reach a line: values under the names
below are replaced before rendering.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

_SECRET_NAMES = {
    "api_key", "authorization", "content", "cookie", "key", "keys", "password", "prompt",
    "refresh_token", "secret", "text", "token",
}  # fmt: skip


def redact(logger: Any, method: str, event: EventDict) -> EventDict:
    for name in event.keys() & _SECRET_NAMES:
        event[name] = "[redacted]"
    return event


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        redact,
    ]


def logging_settings(*, level: str, as_json: bool) -> dict[str, Any]:
    """The LOGGING setting: the standard library's loggers come out in the same form."""
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared(),
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            # Their debug and info lines carry URLs and bodies.
            name: {"level": "WARNING"}
            for name in (
                "httpx",
                "httpx2",
                "httpcore2",
                "urllib3",
                "onelogin",
                "openai",
                "anthropic",
                "google_genai",
            )
        },
    }


def configure() -> None:
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(True)
