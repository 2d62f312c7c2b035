"""Lines of the log, as the server's own settings make them."""

import logging
import sys
from logging.config import DictConfigurator
from typing import Any

import pytest

from librechat_backend.lib.logs import logging_settings


def rendered(*arguments: Any, as_json: bool = False, **more: Any) -> str:
    """What is written of ``log.warning(*arguments, **more)``."""
    settings = logging_settings(level="info", as_json=as_json)
    formatter = DictConfigurator(settings).configure_formatter(settings["formatters"]["structured"])
    message, *values = arguments
    record = logging.LogRecord(
        "django.request", logging.WARNING, "", 1, message, tuple(values), None
    )
    for name, value in more.items():
        setattr(record, name, value)
    text: str = formatter.format(record)
    return text


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("control", ["\n", "\r", "\x1b[2J", "\x9b", "\u2028", "\x00"])
def test_what_a_person_sent_stays_in_its_line(control: str, as_json: bool) -> None:
    line = rendered("Not Found: %s", f"/x{control}[error] forged", as_json=as_json)
    assert "forged" in line
    assert line.isprintable()


def refusal() -> Any:
    try:
        raise PermissionError("not\x1b[2J yours")
    except PermissionError:
        return sys.exc_info()


def test_refused_page_leaves_no_trace() -> None:
    line = rendered("Forbidden: %s", "/admin/", exc_info=refusal(), status_code=403)
    assert "Forbidden: /admin/" in line
    assert "Traceback" not in line


def test_fault_leaves_its_trace_without_controls() -> None:
    text = rendered("Internal Server Error", exc_info=refusal(), status_code=500)
    assert "\nPermissionError: not\\x1b[2J yours" in text
    assert all(line.isprintable() for line in text.split("\n"))
