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

_CONTROLS = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}
# Lines of traces stay lines, and the renderer puts other texts of several lines in quotes.
_CONTROLS_OF_LINES = {code: text for code, text in _CONTROLS.items() if chr(code) not in "\t\n"}


def redact(logger: Any, method: str, event: EventDict) -> EventDict:
    for name in event.keys() & _SECRET_NAMES:
        event[name] = "[redacted]"
    return event


def without_trace_of_refusals(logger: Any, method: str, event: EventDict) -> EventDict:
    """Django tells of a page that was refused as of an error, with a trace of each."""
    status = getattr(event.get("_record"), "status_code", None)
    if status is not None and status < 500:
        event.pop("exc_info", None)
    return event


def without_controls(logger: Any, method: str, event: EventDict) -> EventDict:
    """What a person sent can neither begin a line of its own nor steer a terminal."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = value.translate(_CONTROLS if name == "event" else _CONTROLS_OF_LINES)
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
    for_people: list[Processor] = [] if as_json else [without_controls]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared(),
                "processors": [
                    without_trace_of_refusals,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    *for_people,
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
